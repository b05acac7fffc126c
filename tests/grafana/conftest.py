"""The programs and the database that panels ask."""

from tests.db.conftest import empty_database, server
from tests.prometheus.conftest import programs

__all__ = ["empty_database", "programs", "server"]
