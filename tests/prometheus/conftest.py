"""The programs, for every test here; and a PostgreSQL for those that measure."""

from __future__ import annotations

import os

import pytest

from tests.db.conftest import empty_database, server
from tests.prometheus import install
from tests.prometheus.install import Programs

__all__ = ["empty_database", "server"]


@pytest.fixture(scope="session")
def programs() -> Programs:
    """promtool, prometheus, amtool, prometheus-alertmanager; skips where none can be, but never with `CI=true`."""
    reason = install.why_not()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"with CI=true nothing may be skipped: {reason}")
        pytest.skip(reason)
    return install.ready()
