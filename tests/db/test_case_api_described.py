"""The API of casework is what its description says: whatever schemathesis thinks of, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from handlers.http.api.openapi import document
from telephony.calls.record import Outcome
from telephony.people.roles import Role
from tests.support.calls import call, visit
from tests.support.caseapi import CaseHouse, case_house
from tests.support.casework import COMPLAINT, ENQUIRY

pytestmark = pytest.mark.db

EXAMPLES, SEED = 12, 7
PARTS = ("/api/v1/cases", "/api/v1/callbacks")
REFUSED = ["2xx", "400", "404", "409", "412", "415", "428"]


async def seeded(house: CaseHouse) -> dict[str, list[str]]:
    """Cases in several states, and call backs: what there is, by the name of its parameter."""
    await house.person("zhao", Role.SUPERVISOR)
    answered = [call(visit(), number=number) for number in range(1, 4)]
    cases = [await house.call(one) for one in answered]
    for number in range(4, 6):
        await house.call(call(visit(Outcome.ABANDONED), number=number, caller=f"0216666000{number}"))
    for case, kind, form in ((cases[0], "enquiry", ENQUIRY), (cases[1], "complaint", COMPLAINT)):
        path = f"/api/v1/cases/{case}/record"
        assert (await house.ask("zhao", "PUT", path, {"kind": kind, "form": form}, version="*")).status == 200
    work = (await house.ask("zhao", "GET", "/api/v1/callbacks")).body["callbacks"]
    assert len(work) == 2
    return {"cases": cases, "callbacks": [one["id"] for one in work], "call": [str(one.id) for one in answered]}


def narrowed(known: dict[str, list[str]]) -> dict[str, Any]:
    """The description, whose ids are those that there are: else every answer would be that there is none."""
    told: Any = json.loads(json.dumps(document("9.9.9")))
    told["paths"] = {path: item for path, item in told["paths"].items() if path.startswith(PARTS)}
    for path, item in told["paths"].items():
        for operation in item.values():
            for one in operation["parameters"]:
                if one["in"] == "path":
                    ids = known["call"] if one["name"] == "call" else known[path.split("/")[3]]
                    one["schema"] = {"type": "string", "enum": ids}
    told["components"]["schemas"]["CaseMerge"]["properties"]["into"]["enum"] = known["cases"]
    return dict(told)


async def test_the_api_is_what_its_description_says(empty_database: str, tmp_path: Path) -> None:
    async with case_house(empty_database) as house:
        known = await seeded(house)
        (tmp_path / "openapi.json").write_text(json.dumps(narrowed(known)))
        (tmp_path / "schemathesis.toml").write_text(
            f"[checks.positive_data_acceptance]\nexpected-statuses = {json.dumps(REFUSED)}\n"
            f"[checks.missing_required_header]\nexpected-statuses = {json.dumps(REFUSED[1:])}\n"
            f"[checks.negative_data_rejection]\nexpected-statuses = {json.dumps([*REFUSED[1:], '401', '403', '405'])}\n"
        )
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run", "openapi.json",
            "--url", str(house.server.make_url("/")), "--checks", "all",
            # Ten wrong tokens, and 429 comes, which it takes for a fault; test_people_matrix.py tells of strangers.
            "--exclude-checks", "ignored_auth", "--phases", "examples,coverage,fuzzing",
            "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--no-color", "--continue-on-failure",
            "-H", f"Authorization: Bearer {house.tokens['zhao']}",
            cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            async with asyncio.timeout(120):
                output, _ = await program.communicate()
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()
    text = output.decode()
    assert program.returncode == 0, text
    assert "Tested: 19" in text, text
