"""Fixtures: a real Chromium for all tests, and windows in it."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from . import install
from .windows import OpenPage, Windows

START_SECONDS = 30


@pytest.fixture(scope="session")
def chromium() -> Iterator[str]:
    """Where a running Chromium takes orders; skips where none can be, but never with `CI=true`."""
    reason = install.why_not()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"with CI=true nothing may be skipped: {reason}")
        pytest.skip(reason)
    program = install.ready()
    with tempfile.TemporaryDirectory(prefix="threerings-chromium-", ignore_cleanup_errors=True) as profile:
        options = [
            "--headless=new",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "--no-first-run",
            "--no-default-browser-check",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--hide-scrollbars",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]
        running = subprocess.Popen(
            [program, *options, "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield _address(Path(profile) / "DevToolsActivePort", running)
        finally:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def _address(written: Path, running: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and running.poll() is None:
        if written.exists() and (lines := written.read_text().splitlines()):
            return f"http://127.0.0.1:{lines[0]}"
        time.sleep(0.02)  # it tells us by a file alone
    pytest.fail("Chromium did not start")


@pytest_asyncio.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A connection of this test's own."""
    async with async_playwright() as playwright:
        connected = await playwright.chromium.connect_over_cdp(chromium)
        yield connected
        await connected.close()


@pytest_asyncio.fixture
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Opens windows; what their pages complained about fails the test."""
    windows = Windows(browser)
    yield windows.open
    await windows.close()
    assert not windows.complaints
