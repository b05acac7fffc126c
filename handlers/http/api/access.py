"""Who may ask the API: a supervisor who is signed in, or who brings a token."""

from collections.abc import Callable
from http import HTTPStatus

from aiohttp import hdrs, web

from handlers.admission import Failures, bearer
from handlers.http.problems import problem


class Access:
    """The door of the API.

    Args:
        who: whose request it is, by cookie or token; empty when everybody may ask; None when he may not.
        monotonic: seconds; how often an address may be wrong before it is told to wait.
    """

    def __init__(self, who: Callable[[web.Request], str | None], monotonic: Callable[[], float]) -> None:
        self._who = who
        self._failures = Failures(monotonic)

    def refused(self, request: web.Request) -> web.Response | None:
        """Why he is not let in; None when he is.

        A right token is let in whatever came from its address: behind a proxy we all share one with who guesses.
        """
        if self._who(request) is not None:
            return None
        locked = self._failures.too_many(request.remote)
        if bearer(request) is not None:
            self._failures.add(request.remote)
        if locked:
            answer = problem(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens came from your address")
            answer.headers[hdrs.RETRY_AFTER] = "60"
            return answer
        detail = "sign in, or send the token of a [[supervisor]] as Authorization: Bearer"
        answer = problem(HTTPStatus.UNAUTHORIZED, detail)
        answer.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
        return answer
