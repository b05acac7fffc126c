"""What is wrong with a request, told to a program: RFC 9457."""

import json
from http import HTTPStatus

from aiohttp import web


def problem(status: HTTPStatus, detail: str, **more: object) -> web.Response:
    """RFC 9457; `detail` is for a person."""
    document = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail, **more}
    headers = {"Cache-Control": "no-store"}
    return web.Response(
        text=json.dumps(document), status=status, content_type="application/problem+json", headers=headers
    )
