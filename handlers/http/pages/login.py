"""`/login` and `/password`: people with accounts come in, and change their password. Nothing here needs a script."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web

from handlers.database import AWAY, trouble
from handlers.http.doorkeeper import PLAIN_COOKIE, SECURE_COOKIE, by_tls, session_of
from handlers.http.forms import Forms
from handlers.http.gate import needs, open_to_all
from handlers.http.pages.languages import message
from handlers.http.pages.people import safe
from handlers.http.pages.shell import HEADERS, Pages
from handlers.http.queue_log import is_private
from handlers.people.signing import Refusal, SignedIn, SignIn, Visit
from telephony.cases.connecting import DatabaseUrlError
from telephony.people.passwords import SHORTEST, Weakness
from telephony.people.roles import Permission, Role

NOT_NOW = message("Signing in is not possible now: the database does not answer. Try again in a minute.")
DIFFER = message("The two new passwords are not the same.")
REFUSALS: Mapping[Refusal, tuple[str, HTTPStatus]] = {
    Refusal.WRONG: (message("Name or password is wrong."), HTTPStatus.FORBIDDEN),
    Refusal.TOO_MANY: (
        message("There were too many attempts. Wait five minutes, then try again."),
        HTTPStatus.TOO_MANY_REQUESTS,
    ),
    Refusal.BUSY: (message("Many sign in at this moment. Try again in a few seconds."), HTTPStatus.SERVICE_UNAVAILABLE),
}
WEAKNESSES: Mapping[Weakness, str] = {
    Weakness.SHORT: message("The new password should have at least 12 characters."),
    Weakness.LONG: message("The new password should have at most 256 characters."),
    Weakness.NAME: message("The new password should be more than your name."),
    Weakness.PLAIN: message("The new password is the old one, or among the first that anybody would try."),
}
WAIT_SECONDS = "300"


class LoginPage:
    """The door for people.

    Args:
        pages: renders.
        signing: lets in.
        forms: tells ours from others.
        longest: seconds that a session lasts at most.
    """

    def __init__(self, pages: Pages, signing: SignIn, forms: Forms, longest: float) -> None:
        self._pages, self._signing, self._forms, self._longest = pages, signing, forms, longest
        self._log = structlog.get_logger(__name__)

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/login", self.form),
            web.post("/login", self.sign_in),
            web.get("/password", self.password),
            web.post("/password", self.change),
        ]

    @open_to_all()
    async def form(self, request: web.Request) -> web.Response:
        """Asks for name and password."""
        return self._form(request, request.query.get("next", "/"))

    @open_to_all()
    async def sign_in(self, request: web.Request) -> web.Response:
        """Gives the cookie and goes where he wanted to go.

        Raises:
            HTTPForbidden: the form is none of ours.
        """
        fields = await self._forms.taken(request)
        name, wanted = fields.get("name", ""), fields.get("next", "/")
        try:
            found = await self._signing.sign_in(name, fields.get("password", ""), visit_of(request))
        except (DatabaseUrlError, *AWAY) as error:
            self._log.warning("sign_in_not_possible", error=trouble(error))
            return self._form(request, wanted, name, NOT_NOW, HTTPStatus.SERVICE_UNAVAILABLE)
        if isinstance(found, Refusal):
            text, status = REFUSALS[found]
            return self._form(request, wanted, name, text, status)
        return self._in(request, found, safe(wanted))

    @needs(Permission.ACCOUNT)
    async def password(self, request: web.Request) -> web.Response:
        """Asks for the old password and a new one.

        Raises:
            HTTPNotFound: he has no account.
        """
        return self._change_form(request)

    @needs(Permission.ACCOUNT)
    async def change(self, request: web.Request) -> web.Response:
        """Takes the new password.

        Raises:
            HTTPForbidden: the form is none of ours.
        """
        fields = await self._forms.taken(request)
        old, new, again = (fields.get(name, "") for name in ("old", "new", "again"))
        if new != again:
            return self._change_form(request, DIFFER, HTTPStatus.BAD_REQUEST)
        try:
            trouble_ = await self._signing.change(session_of(request), old, new, visit_of(request))
        except (DatabaseUrlError, *AWAY):
            return self._change_form(request, NOT_NOW, HTTPStatus.SERVICE_UNAVAILABLE)
        if isinstance(trouble_, Refusal):
            return self._change_form(request, *REFUSALS[trouble_])
        if isinstance(trouble_, Weakness):
            return self._change_form(request, WEAKNESSES[trouble_], HTTPStatus.BAD_REQUEST)
        return self._change_form(request, done=True)

    async def leave(self, request: web.Request, response: web.Response) -> None:
        """Somebody signs out: his session ends, and the cookies are taken back."""
        secret = session_of(request)
        for cookie, secure in ((SECURE_COOKIE, True), (PLAIN_COOKIE, False)):
            response.del_cookie(cookie, path="/", secure=secure, httponly=True, samesite="Lax")
        if not secret:
            return
        try:
            await self._signing.sign_out(secret, visit_of(request))
        except (DatabaseUrlError, *AWAY) as error:
            self._log.warning("session_not_ended", error=trouble(error))
            raise web.HTTPServiceUnavailable(reason="The session could not be ended") from None

    def _in(self, request: web.Request, found: SignedIn, wanted: str) -> web.Response:
        terms = found.account.terms
        if found.account.must_change:
            wanted = "/password"
        elif wanted == "/" and terms.role in {Role.AGENT, Role.MARKETING}:
            wanted = "/desk"
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={**HEADERS, hdrs.LOCATION: wanted})
        secure = by_tls(request)
        response.set_cookie(
            SECURE_COOKIE if secure else PLAIN_COOKIE,
            found.secret,
            max_age=int(self._longest),
            path="/",
            secure=secure,
            httponly=True,
            samesite="Lax",
        )
        return response

    def _form(
        self,
        request: web.Request,
        wanted: str,
        name: str = "",
        trouble: str = "",
        status: HTTPStatus = HTTPStatus.OK,
    ) -> web.Response:
        response = self._pages.render(
            request,
            "login.html",
            status=status,
            next=safe(wanted),
            name=name[:64],
            trouble=self._pages.language(request).gettext(trouble) if trouble else "",
            proof=self._forms.proof(request),
            in_the_clear=not (by_tls(request) or is_private(request)),
        )
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            response.headers[hdrs.RETRY_AFTER] = WAIT_SECONDS
        self._forms.give(request, response)
        return response

    def _change_form(
        self, request: web.Request, trouble: str = "", status: HTTPStatus = HTTPStatus.OK, *, done: bool = False
    ) -> web.Response:
        if not session_of(request):
            raise web.HTTPNotFound
        response = self._pages.render(
            request,
            "password.html",
            status=status,
            trouble=self._pages.language(request).gettext(trouble) if trouble else "",
            done=done,
            proof=self._forms.proof(request),
            shortest=SHORTEST,
        )
        self._forms.give(request, response)
        return response


def visit_of(request: web.Request) -> Visit:
    """Where he comes from."""
    return Visit(request.remote or "", request.headers.get(hdrs.USER_AGENT, ""))
