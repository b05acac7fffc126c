"""For every test: no example is judged by how long it takes, and none leaves its own log behind.

Others use the same machine, so times say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """What a command under test does to the log of its process is over with it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
