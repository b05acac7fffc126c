"""Agents' desks in real windows, and what these saw when: every change of a card, by the browser's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from playwright.async_api import Page, expect

from .windows import OpenPage

TOKENS = {phone: f"token-of-the-desk-{phone}" for phone in ("1001", "1002", "1003")}
AGENTS = "".join(
    f'[[agent]]\nname = "{phone}"\ntitle = "坐席 {phone}"\ninterfaces = ["PJSIP/{phone}"]\ntoken = "{token}"\n'
    for phone, token in TOKENS.items()
)
GOODBYE = r"WebSocket connection to .* failed|ERR_CONNECTION_REFUSED"
"""Said by a window that outlives the product."""
WATCH = """
(() => {
  window.seen = JSON.parse(sessionStorage.getItem("seen") ?? "[]");
  const last = new Map();
  const look = () => {
    const cards = [...document.querySelectorAll("article.call")];
    for (const card of cards) {
      const text = (name) => card.querySelector(`[data-part="${name}"]`)?.textContent ?? "";
      const told = { phase: card.dataset.phase ?? "", number: text("number"), name: text("name"), word: text("phase") };
      const key = told.number;
      if (!told.phase || !told.number || last.get(key) === told.phase) continue;
      last.set(key, told.phase);
      window.seen.push({ at: Date.now(), ...told });
    }
    sessionStorage.setItem("seen", JSON.stringify(window.seen));
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
})();
"""


@dataclass(frozen=True)
class Seen:
    """A card came to a phase."""

    at: datetime
    phase: str
    number: str
    name: str
    word: str


class DeskWindow:
    """The desk of one agent."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    async def opened(cls, open_page: OpenPage, address: str, phone: str, **how: Any) -> DeskWindow:
        """Signed in by the link that an agent keeps, and connected."""
        page = await open_page("", tolerate=(GOODBYE,), **how)
        await page.add_init_script(WATCH)
        await page.goto(f"{address}/desk#token={TOKENS[phone]}")
        desk = cls(page)
        await desk.connected()
        await expect(page.locator("#agent")).to_have_text(f"坐席 {phone}")
        return desk

    async def connected(self, limit: float = 15) -> None:
        """Wait until it is."""
        await expect(self.page.locator("#state")).to_have_attribute("data-state", "connected", timeout=limit * 1000)

    async def shows(self, phase: str, limit: float = 10) -> None:
        """Wait until a card is in this phase."""
        card = self.page.locator(f'article.call[data-phase="{phase}"]')
        await expect(card).to_have_count(1, timeout=limit * 1000)

    async def part(self, name: str) -> str:
        """The text of a part of the one card."""
        return await self.page.locator(f'article.call [data-part="{name}"]').first.inner_text()

    async def seen(self) -> list[Seen]:
        """Everything it showed, in the order of time."""
        found = await self.page.evaluate("window.seen")
        return [
            Seen(datetime.fromtimestamp(one["at"] / 1000, UTC), one["phase"], one["number"], one["name"], one["word"])
            for one in found
        ]
