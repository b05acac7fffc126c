"""The fuzzer of tests/property/fuzz_agi.py, for ten seconds where there is time."""

import os

from tests.property.fuzz_agi import fuzz


def test_no_broken_conversation_is_misunderstood() -> None:
    found = fuzz(10.0 if os.environ.get("CI") == "true" else 2.0, seed=int.from_bytes(os.urandom(4)))
    assert found.faults == {}
    assert found.inputs > 100
    assert set(found.met) == {"Environment", "Reply", "Usage", "HungUp"}
