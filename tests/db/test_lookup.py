"""One call, by its id or by the number of its case."""

from uuid import UUID

import pytest

from telephony.calls.record import Direction, Outcome
from telephony.cases.lookup import call_of
from telephony.cases.migrate import migrate
from telephony.cases.store import CallStore
from tests.support.calls import call, offer, visit

pytestmark = pytest.mark.db


async def test_a_call_is_found_by_its_id_and_by_its_case(empty_database: str) -> None:
    await migrate(empty_database)
    ours, internal = (
        call(visit(Outcome.ANSWERED, offers=(offer(),)), number=1),
        call(number=2, direction=Direction.INTERNAL),
    )
    store = CallStore(empty_database, life=77)
    await store.save([ours, internal])
    await store.close()
    found = await call_of(empty_database, ours.id)
    assert found is not None
    assert (found.stored.call, found.stored.case_number, found.life) == (ours, "000001", 77)
    assert await call_of(empty_database, None, "000001") == found
    alone = await call_of(empty_database, internal.id)
    assert alone is not None
    assert alone.stored.case_number is None
    assert await call_of(empty_database, UUID(int=0)) is None
    assert await call_of(empty_database, None, "no such number") is None
