"""The same vocabulary, awaited."""

from __future__ import annotations

import asyncio

from telephony.agi.session import AgiSession


async def greet(agi: AgiSession) -> None:
    """Asks for two digits; meanwhile the host serves others."""
    await agi.answer()
    digits = await agi.get_data("vm-password", 3000, 2)
    await asyncio.sleep(0.2)
    await agi.set_variable("SAYS", f"{agi.env['agi_callerid']} pressed {digits}")
