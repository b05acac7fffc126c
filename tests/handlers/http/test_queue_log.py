"""What a sender is answered: the mark when all up to there is in the journal, and else why not. No more, to nobody."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import make_mocked_request

from handlers.admission import FAILURES
from handlers.http.queue_log import is_private
from telephony.journal.writer import Journal
from telephony.queuelog.place import Piece, Place
from telephony.queuelog.shipping.parcel import MAX_BYTES, Parcel
from telephony.queuelog.shipping.sender import SENDER, UNREADABLE
from tests.support.shipping import TOKEN, Receiving

FILE = "0" * 32
GZIP = {"Content-Type": "application/gzip"}
LINES = (b"1795000000|NONE|NONE|NONE|QUEUESTART|", b"1795000001|NONE|NONE|NONE|CONFIGRELOAD|", b"forged")
ENDS = (0, 38, 78, 85)


def place(lines: int) -> Place:
    return Place(FILE, ENDS[lines])


def parcel(first: int, last: int, *, before: Place | None = None) -> bytes:
    """The lines between."""
    return Parcel(before or place(first), Piece(place(last), LINES[first:last])).pack()


class Visitor:
    """Speaks to the receiver as a sender does, or otherwise."""

    def __init__(self, receiving: Receiving, session: ClientSession) -> None:
        self.receiving, self._session = receiving, session

    async def says(
        self, body: bytes | io.BytesIO | AsyncIterator[bytes] | None = None, **headers: str | None
    ) -> tuple[int, Any]:
        """Status and document."""
        given = {"Authorization": f"Bearer {TOKEN}", SENDER: "1 pbx:/log"} | (GZIP if body is not None else {})
        given |= {name.replace("_", "-"): text for name, text in headers.items() if text is not None}
        given = {name: text for name, text in given.items() if headers.get(name.replace("-", "_"), "") is not None}
        method = "GET" if body is None else "POST"
        async with self._session.request(method, self.receiving.url, data=body, headers=given) as response:
            kind = response.content_type
            assert kind == ("application/json" if response.status == 200 else "application/problem+json")
            return response.status, json.loads(await response.read())


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with Receiving(tmp_path / "data") as receiving, ClientSession() as session:
        yield Visitor(receiving, session)


def mark(lines: int) -> dict[str, str]:
    return {"mark": place(lines).dump().decode()}


async def test_at_first_there_is_no_mark_and_anything_is_taken(visitor: Visitor) -> None:
    assert await visitor.says() == (200, {"mark": None})
    assert await visitor.says(parcel(1, 2)) == (200, mark(2))
    assert await visitor.says() == (200, mark(2))
    assert visitor.receiving.journaled() == [LINES[1]]


async def test_what_was_sent_before_is_taken_once(visitor: Visitor) -> None:
    assert await visitor.says(parcel(0, 1)) == (200, mark(1))
    assert await visitor.says(parcel(0, 1)) == (200, mark(1))
    assert await visitor.says(parcel(0, 3)) == (200, mark(3))
    assert visitor.receiving.journaled() == list(LINES)
    assert (visitor.receiving.shipped.lines, visitor.receiving.shipped.quarantined) == (3, 1)


async def test_nothing_is_skipped_and_nothing_of_another_file_is_taken_for_ours(visitor: Visitor) -> None:
    await visitor.says(parcel(0, 1))
    for wrong in (parcel(2, 3), parcel(0, 3, before=Place("f" * 32, 5)), parcel(0, 3, before=Place(FILE, 90))):
        status, document = await visitor.says(wrong)
        assert status == 409
        assert document["mark"] == mark(1)["mark"]
        assert document["detail"] == "it does not begin at the mark"
    assert visitor.receiving.journaled() == [LINES[0]]


async def test_two_files_begun_in_one_second_are_told_apart_by_the_marks_of_their_places(visitor: Visitor) -> None:
    """Rotated twice within it, and with lines of equal length: only what stands before the place differs."""
    first, other = Place(FILE, 85, mark="1" * 16), Place(FILE, 85, mark="2" * 16)
    for before, after, line in ((None, first, LINES[1]), (first, other, LINES[0])):
        status, told = await visitor.says(Parcel(before, Piece(after, (line,))).pack())
        assert (status, told["mark"]) == (200, after.dump().decode())
    assert visitor.receiving.journaled() == [LINES[1], LINES[0]]
    status, _ = await visitor.says(Parcel(first, Piece(place(3), LINES)).pack())
    assert (status, visitor.receiving.journaled()) == (200, [LINES[1], LINES[0]])


async def test_who_is_no_sender_may_ask_for_the_mark_but_send_nothing(visitor: Visitor) -> None:
    assert (await visitor.says(Queue_Log_Sender=None))[0] == 200
    assert visitor.receiving.shipped.age is None
    status, document = await visitor.says(parcel(0, 1), Queue_Log_Sender=None)
    assert (status, document["detail"]) == (400, "the header Queue-Log-Sender must say who sends")


async def test_a_sign_of_life_says_whether_the_file_can_be_read(visitor: Visitor) -> None:
    shipped = visitor.receiving.shipped
    await visitor.says(parcel(0, 1))
    await visitor.says(Queue_Log_Unreadable="Permission denied")
    assert UNREADABLE == "Queue-Log-Unreadable"
    assert shipped.trouble == "its sender cannot read it: Permission denied"
    await visitor.says()
    assert shipped.readable


async def test_of_two_senders_the_second_is_told_whose_way_he_is_in(visitor: Visitor) -> None:
    await visitor.says(parcel(0, 1))
    status, document = await visitor.says(parcel(1, 2), Queue_Log_Sender="2 other:/log")
    assert (status, document["detail"]) == (423, "pbx:/log ships it already")
    assert visitor.receiving.journaled() == [LINES[0]]


async def test_without_the_token_nothing_is_told_and_who_guesses_has_to_wait(
    visitor: Visitor, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in ("Bearer x", "Basic " + TOKEN, None, "Bearer \xff"):
        status, document = await visitor.says(Authorization=wrong)
        assert (status, document["title"]) == (401, "The token of this PBX is needed")
    for _ in range(FAILURES - 4):
        assert (await visitor.says(Authorization="Bearer wrong"))[0] == 401
    assert (await visitor.says(Authorization="Bearer wrong"))[0] == 429
    assert (await visitor.says())[0] == 200  # behind a proxy, all have one address
    assert capsys.readouterr().out.count("queue_log_token_refused") == 1


async def test_a_pbx_that_is_not_known_or_not_sent_is_not_found(visitor: Visitor) -> None:
    url = visitor.receiving.url.with_path("/api/v1/pbx/pbx2/queue_log")
    async with ClientSession() as session, session.get(url, headers={"Authorization": f"Bearer {TOKEN}"}) as response:
        assert response.status == 404


async def test_what_came_in_the_clear_is_refused(visitor: Visitor, capsys: pytest.CaptureFixture[str]) -> None:
    status, document = await visitor.says(X_Forwarded_Proto="http")
    assert (status, document["title"]) == (403, "Over HTTPS only; its proxy must set X-Forwarded-Proto")
    assert (await visitor.says(X_Forwarded_Proto="https"))[0] == 200
    assert "queue_log_in_the_clear" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("address", "told", "private"),
    [
        ("127.0.0.1", (), True),
        ("::1", (), True),
        ("::ffff:127.0.0.1", (), True),
        ("10.0.0.1", (), False),
        ("", (), False),
        ("10.0.0.1", ("HTTPS",), True),
        ("127.0.0.1", ("http",), False),
        ("10.0.0.1", ("https", "http"), False),
    ],
)
def test_private_is_what_comes_from_here_or_by_tls(address: str, told: tuple[str, ...], private: bool) -> None:
    request = make_mocked_request("GET", "/", headers=[("X-Forwarded-Proto", one) for one in told])
    peer = request.clone(remote=address)
    assert is_private(peer) is private


async def chunked(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_bodies_that_are_too_large_or_packed_otherwise_are_refused(visitor: Visitor) -> None:
    assert (await visitor.says(io.BytesIO(b"x" * (MAX_BYTES + 1))))[0] == 413
    assert (await visitor.says(chunked(*[b"x" * 65_536] * 17)))[0] == 413
    assert (await visitor.says(parcel(0, 1), Content_Type="text/plain"))[0] == 415
    assert (await visitor.says(parcel(0, 1), Content_Encoding="gzip"))[0] == 415
    bomb = Parcel(None, Piece(place(1), (b"x" * 16_384,) * 100)).pack()
    assert len(bomb) < 10_000
    status, document = await visitor.says(bomb)
    assert (status, document["detail"]) == (400, "the parcel is larger than 1048576 bytes")
    assert visitor.receiving.journaled() == []


async def test_damaged_ones_are_told_once_and_their_content_not(
    visitor: Visitor, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        status, document = await visitor.says(parcel(0, 3)[:-9])
        assert (status, document["detail"]) == (400, "the parcel does not end where it should")
    said = capsys.readouterr().out
    assert said.count("queue_log_parcel_refused") == 1
    assert "QUEUESTART" not in said


class Failing:
    """A journal whose disk is full, from the next commit on."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self.failing, self.full = journal, "", False
        self.durable = journal.position

    @property
    def position(self) -> int:
        return self._journal.position

    async def synced(self, position: int) -> None:
        if self.full:
            self.failing = "No space left on device"
        else:
            self.durable = position


async def test_what_is_not_in_the_journal_is_not_acknowledged_and_then_not_taken_twice(tmp_path: Path) -> None:
    journals: list[Failing] = []

    def fails(journal: Journal) -> Failing:
        journals.append(Failing(journal))
        return journals[-1]

    async with Receiving(tmp_path / "data", journal=fails) as receiving, ClientSession() as session:
        visitor, [journal] = Visitor(receiving, session), journals
        journal.full = True
        for _ in range(2):  # while it waits; then it is not even taken
            status, document = await visitor.says(parcel(0, 1))
            assert (status, document["detail"]) == (503, "the journal: No space left on device")
        assert receiving.shipped.lines == 1
        assert (await visitor.says(parcel(1, 2)))[0] == 503
        assert receiving.shipped.lines == 1
        journal.full, journal.failing = False, ""
        assert await visitor.says(parcel(0, 1)) == (200, mark(1))
        assert await visitor.says(parcel(1, 2)) == (200, mark(2))
        assert receiving.shipped.lines == 2


async def begins(receiving: Receiving) -> str:
    """A body is announced and does not come; the first line of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", receiving.port)
    words = {"Host": "x", "Authorization": f"Bearer {TOKEN}", SENDER: "1 pbx:/log", "Content-Length": "100", **GZIP}
    head = "".join(f"{name}: {text}\r\n" for name, text in words.items())
    writer.write(f"POST {receiving.url.raw_path} HTTP/1.1\r\n{head}\r\nx".encode())
    answer = await reader.readline()
    writer.close()
    return answer.decode()


async def test_a_body_that_comes_too_slowly_is_let_go_and_too_many_are_not_begun(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path / "data", journal=lambda journal: journal, body_seconds=0.5)
    async with receiving, asyncio.TaskGroup() as tasks:
        answers = [tasks.create_task(begins(receiving)) for _ in range(3)]
    statuses = sorted(answer.result().split()[1] for answer in answers)
    assert statuses == ["408", "408", "503"]


async def test_before_anybody_follows_the_pbx_and_after_it_nothing_is_taken(tmp_path: Path) -> None:
    async with Receiving(tmp_path / "data") as receiving, ClientSession() as session:
        visitor = Visitor(receiving, session)
        await visitor.says(parcel(0, 1))
        await receiving.stops_following()
        status, document = await visitor.says(parcel(1, 2))
        assert (status, document["detail"]) == (503, "the service is just starting, or stopping")
        assert (await visitor.says())[0] == 503
    assert receiving.journaled() == [LINES[0]]
