"""What differs, as a table that a supervisor can read, or as JSON. Numbers of callers are masked as in the log."""

import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TextIO
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from handlers.reconciling.comparing import Report
from handlers.reconciling.judging import Judged
from telephony import logs
from telephony.queuelog.matching import LedgerVisit
from telephony.queuelog.reconcile import Kinds
from telephony.queuelog.stays import Stay

COLUMNS = ("time", "pbx", "queue", "caller", "difference", "we", "log", "better", "why")
ENGLISH = {
    "time": "time", "pbx": "PBX", "queue": "queue", "caller": "caller", "difference": "difference", "we": "we say",
    "log": "queue_log says", "better": "believe", "why": "why", "healed": "put right", "to_heal": "can be put right",
    "nothing": "no difference", "total": "{differences} differences in {compared} visits, {healed} {word}",
    "no_log": "queue_log has no line of that time", "journal": "queue_log as the service has read it",
}  # fmt: skip
CHINESE = {
    "time": "时间", "pbx": "PBX", "queue": "队列", "caller": "主叫", "difference": "差异", "we": "台账",
    "log": "queue_log", "better": "采信", "why": "原因", "healed": "已更正", "to_heal": "可更正", "nothing": "没有差异",
    "total": "{compared} 次排队中有 {differences} 处差异，{healed} 处{word}", "no_log": "queue_log 没有这段时间的记录",
    "journal": "服务读到的 queue_log",
    "missing": "台账缺少", "extra": "queue_log 缺少", "outcome": "结果不同", "wait": "等待时长不同",
    "agent": "坐席不同", "ledger": "台账", "queue_log": "queue_log", "nobody": "都不采信",
}  # fmt: skip
COLOURS = {Kinds.MISSING: "red", Kinds.EXTRA: "yellow"}


class Form(StrEnum):
    """How it is written."""

    TABLE = "table"
    JSON = "json"


def words_of(environment: Mapping[str, str]) -> Mapping[str, str]:
    """In the language of who asks: Chinese where LC_ALL, LC_MESSAGES or LANG (the first that is set) says so."""
    said = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(name))), "")
    return CHINESE if said.startswith("zh") else ENGLISH


def write(  # noqa: PLR0913 - how it is to be shown
    reports: Sequence[Report], out: TextIO, form: Form, words: Mapping[str, str], zone: ZoneInfo, *, healed: bool
) -> None:
    """All of it. `healed`: what queue_log knows better was put right; else it could be."""
    if form is Form.JSON:
        document = [_document(report, healed=healed) for report in reports]
        out.write(json.dumps({"pbxs": document}, ensure_ascii=False, indent=2) + "\n")
        return
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")
    console = Console(file=out, highlight=False, markup=False, emoji=False, width=None if out.isatty() else 200)
    table = Table(*(words[column] for column in COLUMNS), box=None, pad_edge=False)
    for report in reports:
        for one in report.differences:
            table.add_row(*_row(report.pbx, one, words, zone, healed=healed), style=COLOURS.get(one.of.kind, ""))
    if table.row_count:
        console.print(table)
    for report in reports:
        console.print(Text(_total(report, words, healed=healed), style="bold"))


def _row(pbx: str, one: Judged, words: Mapping[str, str], zone: ZoneInfo, *, healed: bool) -> list[Text]:
    difference, known = one.of, one.of.visit or one.of.stay
    why = difference.why
    if one.healed:
        why = f"{why} ({words['healed' if healed else 'to_heal']})"
    cells = [
        difference.began_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
        pbx,
        known.queue if known else "",
        logs.mask_number((known.caller if known else "") or ""),
        words.get(difference.kind, difference.kind),
        _ours(difference.visit),
        _theirs(difference.stay),
        words.get(difference.better, difference.better),
        why,
    ]
    return [Text(logs.visible(cell)) for cell in cells]


def _ours(visit: LedgerVisit | None) -> str:
    if visit is None:
        return "-"
    return " ".join(filter(None, [visit.outcome or "", _seconds(visit.wait, 1), visit.agent]))


def _theirs(stay: Stay | None) -> str:
    if stay is None:
        return "-"
    return " ".join(filter(None, [stay.word or "?", _seconds(stay.waited, 0), stay.agent]))


def _seconds(length: timedelta | None, digits: int) -> str:
    return "" if length is None else f"{length.total_seconds():.{digits}f} s"


def _total(report: Report, words: Mapping[str, str], *, healed: bool) -> str:
    source = f" ({words['journal']})" if report.from_journal else ""
    if report.log.newest is None or not report.log.lines:
        return f"{report.pbx}: {words['no_log']}{source}"
    if not report.differences:
        return f"{report.pbx}: {words['nothing']} ({report.compared}){source}"
    total = words["total"].format(
        differences=len(report.differences),
        compared=report.compared,
        healed=sum(one.healed for one in report.differences),
        word=words["healed" if healed else "to_heal"],
    )
    return f"{report.pbx}: {total}{source}"


def _document(report: Report, *, healed: bool) -> dict[str, object]:
    return {
        "pbx": report.pbx,
        "compared": report.compared,
        "lines": report.log.lines,
        "quarantined": report.log.quarantined,
        "differences": [_one(one, healed=healed) for one in report.differences],
    }


def _one(one: Judged, *, healed: bool) -> dict[str, object]:
    difference, visit, stay = one.of, one.of.visit, one.of.stay
    known = visit or stay
    ours = visit and {"outcome": visit.outcome, "wait_seconds": _number(visit.wait), "agent": visit.agent}
    theirs = stay and {"result": stay.word, "wait_seconds": _number(stay.waited), "agent": stay.agent}
    return {
        "kind": difference.kind,
        "at": _instant(difference.began_at),
        "call": str(visit.call) if visit else None,
        "uniqueid": logs.visible(known.uniqueid if known else ""),
        "queue": logs.visible(known.queue if known else ""),
        "caller": logs.visible(logs.mask_number((known.caller if known else "") or "")),
        "ledger": ours,
        "queue_log": theirs,
        "better": difference.better,
        "why": difference.why,
        "healed": one.healed and healed,
    }


def _number(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
