"""Fixtures: a real PBX for every test (it starts in half a second), installed once for all of them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.prometheus.conftest import programs

from . import install
from .asterisk import Pbx

__all__ = ["programs"]


@pytest.fixture(scope="session")
def asterisk_root() -> Path:
    """The folder with Asterisk in it; skips where none can be, but never with `CI=true`."""
    reason = install.why_not()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"with CI=true nothing may be skipped: {reason}")
        pytest.skip(reason)
    return install.ready()


@pytest_asyncio.fixture
async def pbx(asterisk_root: Path) -> AsyncIterator[Pbx]:  # noqa: ARG001
    """A running PBX named `pbx1`."""
    async with Pbx("pbx1") as running:
        yield running
