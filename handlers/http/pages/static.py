"""Files that pages need, in memory, under an address that changes with their content: whoever has one may keep it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from handlers.http.gate import open_to_all

FOLDER = Path(__file__).parent / "static"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""What is served; anything else in the folder is not."""


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    kind: str


class StaticFiles:
    """The files of one folder, read once; nothing is looked up on disk while serving.

    Args:
        folder: without sub-folders.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.name: _File(path.read_bytes(), KINDS[path.suffix])
            for path in sorted(folder.iterdir())
            if path.suffix in KINDS
        }
        digest = hashlib.sha256()
        for name, file in self._files.items():
            digest.update(f"{name}\0{len(file.body)}\0".encode() + file.body)
        self.version = digest.hexdigest()[:16]
        """One for all files, so that what a module imports by a relative address is of the same version."""

    def url(self, name: str) -> str:
        """Where a file is.

        Raises:
            KeyError: there is no such file.
        """
        self._files[name]
        return f"/static/{self.version}/{name}"

    def route(self) -> web.RouteDef:
        """To be added to the application."""
        return web.get("/static/{version}/{name}", self.serve)

    @open_to_all()
    async def serve(self, request: web.Request) -> web.Response:
        """One file; 404 for what is not there, or not of this version."""
        file = self._files.get(request.match_info["name"])
        if file is None or request.match_info["version"] != self.version:
            raise web.HTTPNotFound
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=file.body, content_type=file.kind, charset="utf-8", headers=headers)
