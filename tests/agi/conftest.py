"""Modules that say so run on several kinds of event loop, by their `LOOPS`."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

USUAL = {"asyncio": asyncio.new_event_loop}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], Any]]:
    module = item.getparent(pytest.Module)
    return getattr(module.obj, "LOOPS", USUAL) if module else USUAL
