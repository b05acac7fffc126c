"""What machines are told: alive, ready, measured; and nothing to strangers."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from handlers.http.health import Health, Part, application, readiness
from telephony.metrics import Labels, Measures

OK = Part("journal", up=True, needed=True)
TOKEN = "0123456789abcdef"


@pytest.mark.parametrize(
    ("parts", "status", "word", "reasons"),
    [
        ([OK], 200, "ok", []),
        ([OK, Part("database", up=False, reason="refused")], 200, "degraded", ["database: refused"]),
        ([OK, Part("agi", up=False, needed=True)], 503, "unavailable", ["agi: down"]),
    ],
)
def test_only_what_calls_need_makes_us_unready(parts: list[Part], status: int, word: str, reasons: list[str]) -> None:
    code, document = readiness(parts)
    assert (code, document["status"], document["reasons"]) == (status, word, reasons)


def health(token: str | None = None) -> Health:
    return Health(Measures(Labels(("pbx1",))), lambda: [OK, Part("backlog", up=True, figures={"calls": 3})], token)


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def get(session: ClientSession, server: TestServer, path: str, **headers: str) -> tuple[int, str, str]:
    async with session.get(server.make_url(path), headers=headers) as answer:
        return answer.status, answer.content_type, await answer.text()


async def test_on_loopback_all_three_are_open(session: ClientSession) -> None:
    async with TestServer(application(health())) as server:
        assert await get(session, server, "/healthz") == (200, "application/json", '{"status": "ok"}')
        status, _, text = await get(session, server, "/readyz")
        assert status == 200
        assert '"backlog": {"up": true, "needed": false, "calls": 3}' in text
        status, kind, text = await get(session, server, "/metrics")
        assert (status, kind) == (200, "text/plain")
        assert 'telephony_cases_opened_total{kind="unknown"} 0.0' in text


async def test_with_a_token_only_the_heartbeat_is_open(session: ClientSession) -> None:
    async with TestServer(application(health(TOKEN))) as server:
        assert (await get(session, server, "/healthz"))[0] == 200
        for path in ("/readyz", "/metrics"):
            for given in (
                {},
                {"Authorization": "Bearer wrong"},
                {"Authorization": TOKEN},
                {"Authorization": "Bearer é"},
                {"Authorization": f"Basic {TOKEN}"},
                {"Authorization": TOKEN},
            ):
                assert (await get(session, server, path, **given))[:2] == (401, "application/problem+json")
            for scheme in ("Bearer", "bearer", "BEARER "):
                assert (await get(session, server, path, Authorization=f"{scheme} {TOKEN}"))[0] == 200


async def test_errors_are_problem_details(session: ClientSession) -> None:
    async with TestServer(application(health())) as server:
        status, kind, text = await get(session, server, "/nothing")
        assert (status, kind) == (404, "application/problem+json")
        assert text == '{"type": "about:blank", "title": "Not Found", "status": 404}'
        async with session.post(server.make_url("/metrics")) as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
