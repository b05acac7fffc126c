"""Who asks: by the cookie of his session, by a token, by what the configuration says, or by sitting at this machine."""

from collections.abc import Callable

from aiohttp import web

from handlers.admission import bearer
from handlers.people.keyring import TOKEN, Keyring
from telephony.cases.keys import Known
from telephony.people.roles import Person, Role

SECURE_COOKIE, PLAIN_COOKIE = "__Host-threerings", "threerings_session"
"""Browsers give the first only to who has it by TLS, and let nobody else set it; the second is for this machine."""
AT_THIS_MACHINE = Person("", Role.SUPERVISOR)
"""Whoever looks at the demo, where it runs."""


def by_tls(request: web.Request) -> bool:
    """He speaks TLS with us, or with the proxy before us."""
    told = [one.strip().lower() for one in request.headers.getall("X-Forwarded-Proto", [])]
    return request.secure or told == ["https"] or request.headers.get("Origin", "").lower().startswith("https://")


def session_of(request: web.Request) -> str:
    """The secret of his session; empty: he shows none. By TLS only the cookie counts that nobody else can have set."""
    secure = request.cookies.get(SECURE_COOKIE, "")
    return secure if secure or by_tls(request) else request.cookies.get(PLAIN_COOKIE, "")


class Doorkeeper:
    """Knows people.

    Args:
        keyring: sessions and tokens of accounts.
        configured: the `[[supervisor]]` who asks, by his cookie or token; None: it is none of them.
        at_home: whoever asks is at this machine, and all is open to him.
    """

    def __init__(
        self,
        keyring: Keyring,
        configured: Callable[[web.Request], str | None],
        at_home: Callable[[web.Request], bool] = lambda _: False,
    ) -> None:
        self._keyring, self._configured, self._at_home = keyring, configured, at_home

    async def who(self, request: web.Request) -> Person | None:
        """Whoever asks; None: somebody unknown.

        Raises:
            DatabaseUrlError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: he shows something
                that only the database can tell, and it is away.
        """
        secret = self._shown(request)
        known = await self._keyring.look(secret) if secret else None
        return _person(known) or self._otherwise(request)

    def still(self, request: web.Request) -> Person | None:
        """The same as far as is known at once: for a connection that stays open, again and again."""
        secret = self._shown(request)
        return _person(self._keyring.known(secret) if secret else None) or self._otherwise(request)

    @staticmethod
    def _shown(request: web.Request) -> str:
        """What an account shows. A token comes before a cookie: who sends one asks as its program."""
        token = bearer(request)
        if token is not None:
            return token if token.startswith(TOKEN) else ""
        return session_of(request)

    def _otherwise(self, request: web.Request) -> Person | None:
        name = self._configured(request)
        if name is not None:
            return Person(name, Role.SUPERVISOR)
        return AT_THIS_MACHINE if self._at_home(request) else None


def _person(known: Known | None) -> Person | None:
    return None if known is None else known.account.person(known.scopes)
