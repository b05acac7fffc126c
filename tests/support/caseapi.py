"""The whole application on a real database, with people of two branches, and somebody who asks it as their programs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession, DummyCookieJar
from aiohttp.test_utils import TestServer

from handlers.build import Service, build
from handlers.people.keyring import hash_of, new_token
from telephony.calls.record import CallRecord
from telephony.cases.accounts import Terms
from telephony.cases.migrate import migrate
from telephony.config import Config
from telephony.people.audit import Entry, Verb
from telephony.people.roles import Role, Scope

AT = datetime(2026, 3, 2, tzinfo=UTC)
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
STEP = "/api/v1/cases/{}/steps"


def config(**more: Any) -> Config:
    """Two branches, one PBX that nobody hears."""
    return Config.model_validate(
        {
            "pbx": [{"name": "pbx1", "username": "three", "secret": "secret", "port": 1}],
            "queue": [{"name": "support"}, {"name": "sales"}],
            "agent": [{"name": "Agent 1001", "interfaces": ["PJSIP/1001"], "token": "token-of-the-desk-1001"}],
            "branch": [{"name": "north", "queues": ["support"]}, {"name": "south", "queues": ["sales"]}],
        }
        | more
    )


@dataclass
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def etag(self) -> str:
        return self.headers["Etag"]

    @property
    def problem(self) -> str:
        """The last word of the type of a problem."""
        assert self.headers["Content-Type"].startswith("application/problem+json"), self
        return str(self.body["type"]).rpartition(":")[2]


@dataclass
class CaseHouse:
    """Everything."""

    service: Service
    server: TestServer
    session: ClientSession
    tokens: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    async def person(self, login: str, role: Role, *branches: str, desk: str | None = None) -> None:
        """An account with a token for his programs."""
        known = self.service.web.people
        entry = Entry(AT, "test", Verb.USER_ADDED)
        account = await known.accounts.add(login, Terms(role, frozenset(branches), f"{login} 先生", desk), HASH, entry)
        self.tokens[login] = new_token()
        await known.keys.make_token(
            hash_of(self.tokens[login]),
            account,
            "all",
            [Scope.CASES],
            timedelta(days=1),
            Entry(AT, "test", Verb.TOKEN_MADE),
        )

    async def call(self, one: CallRecord) -> str:
        """It was saved, and looked at; the id of its case."""
        await self.service.store.save([one])
        while (await self.service.casework.machine.look(AT)).calls:
            pass
        return str(one.case)

    async def ask(
        self, who: str, method: str, path: str, body: Any = None, *, version: str | None = None, key: str | None = None
    ) -> Answer:
        """What is answered to his program."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        headers |= {} if version is None else {"If-Match": version}
        headers |= {} if key is None else {"Idempotency-Key": key}
        async with self.session.request(method, self.server.make_url(path), json=body, headers=headers) as answer:
            text = await answer.text()
            told = None if answer.status == 204 else await answer.json(content_type=None)
            self.told.append(text)
            return Answer(answer.status, told, dict(answer.headers))


@asynccontextmanager
async def case_house(database: str, **more: Any) -> AsyncIterator[CaseHouse]:
    """On an empty database."""
    await migrate(database)
    service = build(config(**more), database)
    async with TestServer(service.web.app) as server, ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield CaseHouse(service, server, session)
    await service.web.people.trail.flush()
    await service.web.close()
    await service.casework.close()
    await service.store.close()
