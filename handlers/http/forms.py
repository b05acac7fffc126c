"""Forms of ours, and nobody else's: each carries what only a page of this browser's can know.

A page of another site is refused by the `Origin` that browsers send; beside it, the form repeats what stands in a
cookie, mixed with the session, so that neither a forged header nor an old form is enough.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable

from aiohttp import web
from multidict import MultiDict

from handlers.admission import ours
from handlers.http.doorkeeper import by_tls, session_of

SECURE_COOKIE, PLAIN_COOKIE = "__Host-threerings_form", "threerings_form"
COOKIE: web.RequestKey[str] = web.RequestKey("form_cookie")
FIELD = "form"
FIELDS = 200
Fields = MultiDict[str]


class Forms:
    """Gives forms what proves them, and takes it back.

    Args:
        origins: where else our pages are shown, `https://calls.example.com`.
    """

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._origins = frozenset(origin.lower() for origin in origins)

    def proof(self, request: web.Request) -> str:
        """For a hidden field `form`."""
        if COOKIE not in request:
            request[COOKIE] = _cookie(request) or secrets.token_urlsafe(24)
        return _mixed(request[COOKIE], session_of(request))

    def give(self, request: web.Request, response: web.Response) -> None:
        """Along with a page that has such a form."""
        if COOKIE in request and not _cookie(request):
            secure = by_tls(request)
            name = SECURE_COOKIE if secure else PLAIN_COOKIE
            response.set_cookie(
                name, request[COOKIE], path="/", secure=secure, httponly=True, samesite="Lax"
            )  # fmt: skip

    async def taken(self, request: web.Request) -> Fields:
        """The fields of a form of ours, as text.

        Raises:
            HTTPForbidden: it is none.
        """
        if not ours(request, self._origins) or request.content_type != "application/x-www-form-urlencoded":
            raise web.HTTPForbidden
        posted = await request.post()
        fields = MultiDict((name, str(value)) for name, value in posted.items())
        expected = _mixed(_cookie(request), session_of(request))
        given = fields.get(FIELD, "").encode("utf-8", "replace")
        if not _cookie(request) or not hmac.compare_digest(given, expected.encode()) or len(fields) > FIELDS:
            raise web.HTTPForbidden
        return fields


def _cookie(request: web.Request) -> str:
    secure = request.cookies.get(SECURE_COOKIE, "")
    return secure if secure or by_tls(request) else request.cookies.get(PLAIN_COOKIE, "")


def _mixed(cookie: str, session: str) -> str:
    return hashlib.sha256(f"threerings form|{cookie}|{session}".encode("utf-8", "replace")).hexdigest()
