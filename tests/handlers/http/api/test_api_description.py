"""`/api/openapi.json` and `/api/docs`."""

from __future__ import annotations

import html
from typing import Any

from handlers.http.api.asked import PARAMETERS as ASKED
from handlers.http.api.openapi import document
from telephony.standard.measures_catalogue import CATALOGUE
from tests.support.api import TOKEN, asking
from tests.support.measuring import Archive


async def test_every_parameter_that_is_understood_is_described_and_no_other() -> None:
    async with asking(Archive()) as person:
        status, told = await person.get("/api/openapi.json")
    assert (status, told["openapi"], told["info"]["version"]) == (200, "3.1.0", "9.9.9")
    described = [one["name"] for one in told["paths"]["/api/v1/measures"]["get"]["parameters"]]
    assert sorted(described) == sorted(ASKED)


def test_everything_that_is_referred_to_is_there() -> None:
    described: Any = document("1")
    referred: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            referred.update([value["$ref"]] if "$ref" in value else [])
            value = list(value.values())
        for one in value if isinstance(value, list | tuple) else []:
            walk(one)

    walk(described)
    assert referred
    assert referred <= {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}


async def test_people_read_every_measure_in_both_languages_and_are_asked_to_sign_in() -> None:
    async with asking(Archive()) as person:
        async with person.session.get("/api/docs", headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
            page = html.unescape(await answer.text())
        asked = person.session.get("/api/docs", headers={"Accept": "text/html"}, allow_redirects=False)
        async with asked as refused:
            assert refused.headers["Location"] == "/sign-in?next=/api/docs"
    for measure in CATALOGUE:
        for words in (measure.name, measure.definition, measure.definition_zh, measure.title_zh):
            assert words in page
    assert all(f"<code>{name}</code>" in page for name in ASKED)
