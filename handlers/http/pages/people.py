"""Signing in for pages: a supervisor's token becomes a cookie that needs no memory of ours.

The cookie is `name.expiry.mac`, the name in hexadecimal, the mac made with a key derived from his token: it outlives a
restart, and dies when its time is over or the token changes.
"""

import hmac
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus

from aiohttp import hdrs, web

from handlers.admission import Failures, Tokens, bearer, same_host
from handlers.http.gate import open_to_all
from handlers.http.pages.shell import HEADERS, Pages

COOKIE = "threerings"
HOURS = 12
SOMEWHERE_OF_OURS = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
"""A path with its query, in ASCII, without backslashes: browsers read `//host` and `/\\host` as another host."""
LONGEST_NEXT = 2_000


class People:
    """Who looks at pages.

    Args:
        supervisors: name to token.
        pages: shows the form.
        epoch: seconds since it; how long cookies last.
        origins: where else our pages are shown, `https://calls.example.com`: what a proxy in front of us is called.
        monotonic: seconds; how often an address may be wrong before it is told to wait.
        leaving: what else ends when somebody signs out; is given the answer, to take other cookies back.
    """

    def __init__(  # noqa: PLR0913 - two of them for tests
        self,
        supervisors: Mapping[str, str],
        pages: Pages,
        epoch: Callable[[], float],
        origins: Iterable[str] = (),
        *,
        monotonic: Callable[[], float] = time.monotonic,
        leaving: Callable[[web.Request, web.Response], Awaitable[None]] | None = None,
    ) -> None:
        self._keys = {name: _key(token) for name, token in supervisors.items()}
        self._tokens = Tokens(supervisors)
        self._pages = pages
        self._epoch = epoch
        self._origins = frozenset(origin.lower() for origin in origins)
        self._failures = Failures(monotonic)
        self._leaving = leaving

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/sign-in", self.form),
            web.post("/sign-in", self.sign_in),
            web.post("/sign-out", self.sign_out),
        ]

    def who(self, request: web.Request) -> str | None:
        """The supervisor who asks, by his cookie or by `Authorization: Bearer`; None when nobody is signed in."""
        token = bearer(request)
        if token is not None:
            return self._tokens.agent(token)
        return self._by_cookie(request.cookies.get(COOKIE, ""))

    @open_to_all()
    async def form(self, request: web.Request) -> web.Response:
        """Asks for the token."""
        return self._form(request, request.query.get("next", "/"))

    @open_to_all()
    async def sign_in(self, request: web.Request) -> web.Response:
        """Gives the cookie and goes where he wanted to go.

        Raises:
            HTTPForbidden: another site sent the form.
        """
        origin = self._our_own(request)
        fields = await request.post()
        token, wanted = str(fields.get("token", "")), str(fields.get("next", "/"))
        language = self._pages.language(request)
        locked = self._failures.too_many(request.remote)
        name = self._by_token(request, token.strip())
        if name is None and locked:
            trouble = language.gettext("Too many wrong tokens came from your address. Wait a minute, then try again.")
            return self._form(request, wanted, trouble, HTTPStatus.TOO_MANY_REQUESTS)
        if name is None:
            trouble = language.gettext("Nobody has this token.")
            return self._form(request, wanted, trouble, HTTPStatus.FORBIDDEN)
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={**HEADERS, hdrs.LOCATION: safe(wanted)})
        secure = request.secure or origin.startswith("https:")
        response.set_cookie(
            COOKIE, self._cookie(name), max_age=HOURS * 3600, path="/", secure=secure, httponly=True, samesite="Strict"
        )
        return response

    @open_to_all(looks=True)
    async def sign_out(self, request: web.Request) -> web.Response:
        """Takes the cookie back.

        Raises:
            HTTPForbidden: another site sent the form.
        """
        self._our_own(request)
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={**HEADERS, hdrs.LOCATION: self._pages.door})
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
        if self._leaving is not None:
            await self._leaving(request, response)
        return response

    def _form(
        self, request: web.Request, wanted: str, trouble: str = "", status: HTTPStatus = HTTPStatus.OK
    ) -> web.Response:
        response = self._pages.render(request, "sign-in.html", status=status, next=safe(wanted), trouble=trouble)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            response.headers[hdrs.RETRY_AFTER] = "60"
        return response

    def _our_own(self, request: web.Request) -> str:
        """Where the form was shown."""
        origin = request.headers.get(hdrs.ORIGIN, "").lower()
        if origin in self._origins or same_host(origin, request.host):
            return origin
        raise web.HTTPForbidden

    def _by_token(self, request: web.Request, token: str) -> str | None:
        """A right token is let in whatever came from its address: behind a proxy we all share one with who guesses."""
        name = self._tokens.agent(token)
        if name is None:
            self._failures.add(request.remote)
        return name

    def _by_cookie(self, cookie: str) -> str | None:
        encoded, _, rest = cookie.partition(".")
        expiry, _, mac = rest.partition(".")
        try:
            name = bytes.fromhex(encoded).decode()
            ends = int(expiry)
        except ValueError:
            return None
        key = self._keys.get(name)
        if key is None or not hmac.compare_digest(_mac(key, name, ends).encode(), mac.encode("utf-8", "replace")):
            return None
        return name if self._epoch() < ends else None

    def _cookie(self, name: str) -> str:
        ends = int(self._epoch()) + HOURS * 3600
        return f"{name.encode().hex()}.{ends}.{_mac(self._keys[name], name, ends)}"


def safe(wanted: str) -> str:
    """Where to go afterwards: only to a page of ours."""
    return wanted if len(wanted) <= LONGEST_NEXT and SOMEWHERE_OF_OURS.fullmatch(wanted) else "/"


def _key(token: str) -> bytes:
    return hmac.digest(token.encode(), b"threerings supervisor's cookie 1", "sha256")


def _mac(key: bytes, name: str, ends: int) -> str:
    return hmac.digest(key, f"{name}|{ends}".encode(), "sha256").hex()
