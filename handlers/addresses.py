"""The addresses at which PBXs and browsers find us, for as long as the service runs."""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from handlers.build import Service
from handlers.http.slow import IDLE_SECONDS, Slow
from telephony.config import Address
from telephony.unreachable import reason

SHUTDOWN_SECONDS = 1.0
"""How long a stop waits for pages that are being read."""


class ListenError(OSError):
    """An address cannot be had; `str()` is one line that names key, address and remedy."""

    def __init__(self, key: str, address: Address, error: OSError) -> None:
        why = reason(error)
        remedy = "end whoever has it, or choose another" if error.errno == errno.EADDRINUSE else "choose another"
        super().__init__(f'{key} = "{address}": {why}; {remedy}')


async def bound(attempt: Callable[[], Awaitable[None]], patience: float) -> None:
    """Have an address; so many seconds it may still be another's.

    Raises:
        OSError: it cannot be had.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + patience
    while True:
        try:
            return await attempt()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or loop.time() >= until:
                raise
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def listening(service: Service, patience: float) -> AsyncIterator[None]:
    """The address of FastAGI, for as long as the block runs; PBXs are served by `AgiSide.run`."""
    try:
        await bound(service.agi.server.listen, patience)
    except OSError as error:
        raise ListenError("agi.listen", service.config.agi.listen, error) from None
    try:
        yield
    finally:
        service.agi.server.close()


@contextlib.asynccontextmanager
async def pages(service: Service, patience: float) -> AsyncIterator[None]:
    """The HTTP side, for as long as the block runs."""
    slow = Slow()
    slow.watch(service.web.app)
    runner = web.AppRunner(
        service.web.app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=SHUTDOWN_SECONDS,
        keepalive_timeout=IDLE_SECONDS,
    )
    await runner.setup()
    try:
        assert runner.server is not None  # noqa: S101 - it was set up
        slow.begin(runner.server)
        listen = service.config.http.listen
        try:
            await bound(lambda: web.TCPSite(runner, listen.host, listen.port).start(), patience)
        except OSError as error:
            raise ListenError("http.listen", listen, error) from None
        yield
    finally:
        slow.end()
        await runner.cleanup()
