"""Standard today: is the standard kept, and if not, where and since when."""

from typing import NamedTuple

from grafana_foundation_sdk.builders.dashboard import Dashboard

from docker.grafana.source import panels
from docker.grafana.source.panels import BEYOND, LIMIT, SECONDS, SHARE, VERDICT
from docker.grafana.source.queries import branch, lines, now, prometheus, queue, rows


class Measure(NamedTuple):
    """One of the four. `missed`: how a value that misses stands to the limit; `asked`: how the standard says it."""

    name: str
    title: str
    english: str
    unit: str
    missed: str
    asked: str

    def course(self, when: str, said: str, queries: panels.Queries) -> panels.Course:
        """Over time; what is good is low, but for the rings, where it is high."""
        low, high = (0, None) if self.missed != "<" else (None, 1)
        return panels.course(f"{self.title}（{when}）", said, queries, self.unit, low=low, high=high)


MEASURES = (
    Measure("abandonment", "弃线率", "Abandonment", SHARE, ">", "at most the limit"),
    Measure("unanswered", "未接率", "Unanswered", SHARE, ">", "at most the limit of abandonment"),
    Measure("mean_wait", "平均等待", "Mean wait", SECONDS, ">=", "less than the limit"),
    Measure("within_three_rings", "三响之内接听率", "Answered within three rings", SHARE, "<", "at least the limit"),
)


def of(measure: str, window: str, group: str = 'branch=~"$branch", queue=""') -> str:
    """What stands in braces."""
    return f'{{measure="{measure}", window="{window}", {group}}}'


def dashboard() -> Dashboard:
    """For supervisors."""
    made = Dashboard("今日达标").uid("threerings-standard-today").refresh("30s").time("now/d", "now")
    made.description("Standard today: whether each branch keeps the service standard, by when and where it does not.")
    made.variables([prometheus(), branch(), queue()])
    _states(made)
    for measure, title, english, unit, _, asked in MEASURES:
        said = f"{english} of the calls that ended today, beside the limit. The standard asks for {asked}."
        queries = [
            now(f"telephony_standard_value{of(measure, 'today')}", "{{branch}}"),
            now(f"max(telephony_standard_target{of(measure, 'today')})", "限值 limit", LIMIT),
        ]
        made.with_panel(panels.figure(f"今日{title}", said, queries, unit, decimals=1).span(6).height(4))
    for one in MEASURES:
        made.with_panel(_course(one).span(12).height(8))
    made.with_panel(_places().span(24).height(7))
    return made


def _states(made: Dashboard) -> None:
    whole = now('min by (branch) (telephony_standard_met{window="today", branch=~"$branch", queue=""})', "{{branch}}")
    said = "Kept when no measure misses its limit today. No data: no calls yet, or not all of them are known."
    made.with_panel(panels.figure("今日总评", said, [whole], words=VERDICT).span(8).height(4))
    for measure, title, english, *_, asked in MEASURES:
        met = now(f"telephony_standard_met{of(measure, 'today')}", "{{branch}}")
        said = f"{english} today: kept while it is {asked}."
        made.with_panel(panels.figure(title, said, [met], words=VERDICT).span(4).height(4))


def _course(measure: Measure) -> panels.Course:
    value, target = (f"telephony_standard_{kind}{of(measure.name, '15m')}" for kind in ("value", "target"))
    said = (
        f"{measure.english} of the calls that ended within the 15 minutes before each moment; the dashed line is the "
        f"limit ({measure.asked}), what is beyond it is drawn again, thick and with points. "
        "The verdict is on the whole day, not on the line."
    )
    queries = [
        lines(value, "{{branch}}", "A"),
        lines(f"max({target})", "限值 limit", LIMIT),
        lines(f"{value} {measure.missed} {target}", "超限 beyond · {{branch}}", BEYOND),
    ]
    return measure.course("最近 15 分钟", said, queries)


def _places() -> panels.Grid:
    group = 'branch=~"$branch", queue=~"$queue", queue!=""'
    queries = [rows(f'min by (branch, queue) (telephony_standard_met{{window="today", {group}}})', "M")]
    columns = {"branch": ("营业部", ""), "queue": ("队列／直线", ""), "Value #M": ("判定", "")}
    for ref, (measure, title, _, unit, *_) in zip("ABCD", MEASURES, strict=True):
        value = f"telephony_standard_value{of(measure, 'today', group)}"
        queries.append(rows(f"sum by (branch, queue) ({value})", ref))
        columns[f"Value #{ref}"] = (title, unit)
    said = "The same measures today for each queue and direct line that was called; empty where nothing can be said."
    return panels.grid("今日各队列与直线", said, queries, columns, words=VERDICT, worded="判定")
