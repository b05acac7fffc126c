"""Fixtures: a service, and a desk that is signed in to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import pytest_asyncio
from playwright.async_api import Page

from tests.browser.windows import OpenPage

from .service import Conversation, Service

OpenDesk: TypeAlias = Callable[..., Awaitable[tuple[Page, Conversation]]]
CUT = r"WebSocket connection to .* failed"
"""What Chromium says in its console when the service is not there."""


@pytest_asyncio.fixture
async def service() -> AsyncIterator[Service]:
    async with Service().running() as running:
        yield running


@pytest_asyncio.fixture
async def open_desk(service: Service, open_page: OpenPage) -> OpenDesk:
    """Opens the desk with these calls on it; arguments of `open_page` by name."""

    async def opened(*calls: dict[str, Any], **window: Any) -> tuple[Page, Conversation]:
        page = await open_page(f"{service.url}#token=correct-horse", **window)
        conversation = await service.conversation()
        await conversation.welcome(*calls)
        return page, conversation

    return opened
