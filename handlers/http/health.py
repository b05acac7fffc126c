"""`/healthz`, `/readyz` and `/metrics`: what machines ask of the service."""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from handlers.http.gate import open_to_all
from telephony.metrics import Measures

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ErrorPage = Callable[[web.Request, web.HTTPError], web.StreamResponse]
ERROR_PAGE: web.AppKey[ErrorPage] = web.AppKey("error_page")
"""How an application with pages for people shows them an error."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the service now.

    Attributes:
        name: `pbx pbx1`, `database`, `journal`, `agi`, `backlog`…
        up: it does what it is there for.
        needed: calls cannot be served without it.
        reason: why it is not up; one line.
        figures: more to show, JSON values.
    """

    name: str
    up: bool
    needed: bool = False
    reason: str = ""
    figures: dict[str, object] = field(default_factory=dict)


def readiness(parts: Iterable[Part]) -> tuple[int, dict[str, object]]:
    """HTTP status and document: 503 only when a needed part is down; `degraded` when another one is."""
    known = list(parts)
    down = [part for part in known if not part.up]
    serving = not any(part.needed for part in down)
    return 200 if serving else 503, {
        "status": "ok" if not down else "degraded" if serving else "unavailable",
        "reasons": [f"{part.name}: {part.reason or 'down'}" for part in down],
        "parts": {part.name: {"up": part.up, "needed": part.needed, **part.figures} for part in known},
    }


class Health:
    """The three pages, to be added to an aiohttp application.

    Args:
        measures: what `/metrics` shows.
        parts: what `/readyz` shows, asked each time; must not wait.
        token: when given, `/readyz` and `/metrics` ask for it as `Authorization: Bearer …`. Give it when `http.listen`
            is not loopback, where the configuration demands one.
    """

    def __init__(self, measures: Measures, parts: Callable[[], Iterable[Part]], token: str | None) -> None:
        self._measures = measures
        self._parts = parts
        self._token = token

    def routes(self) -> list[web.RouteDef]:
        """The pages; only GET and HEAD."""
        return [
            web.get("/healthz", self.healthz),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

    @open_to_all()
    async def healthz(self, _request: web.Request) -> web.Response:
        """The process lives."""
        return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})

    @open_to_all()
    async def readyz(self, request: web.Request) -> web.Response:
        """Whether calls can be served, and what is missing."""
        self._check(request)
        status, document = readiness(self._parts())
        return web.json_response(document, status=status, headers={"Cache-Control": "no-store"})

    @open_to_all()
    async def metrics(self, request: web.Request) -> web.Response:
        """Everything measured; sources are asked here, the text is made in a thread."""
        self._check(request)
        self._measures.refresh()
        body = await asyncio.get_running_loop().run_in_executor(None, self._measures.render)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _check(self, request: web.Request) -> None:
        if self._token is None:
            return
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(given.lstrip(" ").encode("utf-8", "replace"), self._token.encode())
        if not right or scheme.lower() != "bearer":
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"}, reason="A bearer token is needed")


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as RFC 9457 problem details, or as a page for who asks for one; not where a program's token is missing.

    What nobody expected is logged, and told as a 500 that says nothing of it. In the midst of an answer it is left to
    aiohttp, which logs it and ends the connection.
    """
    try:
        return await handler(request)
    except web.HTTPError as error:
        return _told(request, error)
    except web.HTTPException:
        raise  # it leads elsewhere
    except Exception:
        if request.writer.output_size:
            raise
        structlog.get_logger(__name__).exception("request_failed", method=request.method, path=request.path)
        return _told(request, web.HTTPInternalServerError())


def _told(request: web.Request, error: web.HTTPError) -> web.StreamResponse:
    """For a person as a page, if there is one and it can be drawn; else for a program."""
    page = request.config_dict.get(ERROR_PAGE)
    wanted = "text/html" in request.headers.get("Accept", "")
    if page is not None and wanted and "WWW-Authenticate" not in error.headers:
        try:
            return page(request, error)
        except Exception:  # noqa: BLE001 - it may be what has failed
            structlog.get_logger(__name__).exception("error_page_failed", status=error.status)
    headers = {name: error.headers[name] for name in ("Allow", "WWW-Authenticate") if name in error.headers}
    document = {"type": "about:blank", "title": error.reason, "status": error.status}
    return web.Response(
        text=json.dumps(document), status=error.status, content_type="application/problem+json", headers=headers
    )


def application(health: Health) -> web.Application:
    """An application of these pages alone; the service adds its own routes to it."""
    app = web.Application(middlewares=[problems])
    app.add_routes(health.routes())
    return app
