"""Trends: is it getting better or worse, and when do people call."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from docker.grafana.source import panels
from docker.grafana.source.panels import BEYOND, BLUE, GREY, LIMIT, ORANGE, PINK
from docker.grafana.source.queries import SqlBuilder, branch, lines, now, postgres, prometheus, queue, zone
from docker.grafana.source.queues_live import ENDS
from docker.grafana.source.standard_today import MEASURES, Measure, of

RECORDED = {
    "abandonment": "abandonment:ratio1d",
    "unanswered": "unanswered:ratio1d",
    "mean_wait": "mean_wait_seconds:mean1d",
    "within_three_rings": "within_three_rings:ratio1d",
}
"""By measure, the rest of the name of what the recording rules keep of each branch."""
HOURLY = "1h"
QUALITY = {
    "live": ("所见 live", BLUE),
    "partial": ("部分 partial", ORANGE),
    "reconstructed": ("重建 reconstructed", PINK),
    "approximate": ("近似 approximate", GREY),
}
ENDED = """
SELECT date_trunc('day', v.left_at, '${zone}') AS time, v.%s AS metric, count(*) AS value
FROM visits v
WHERE v.outcome IS NOT NULL AND $__timeFilter(v.left_at) AND v.queue IN (${queue:sqlstring})
GROUP BY 1, 2
ORDER BY 1, 2
"""
ARRIVED = """
SELECT date_trunc('day', c.arrived_at, '${zone}') AS time, '来电 calls' AS metric, count(*) AS value
FROM calls c
WHERE c.direction = 'inbound' AND $__timeFilter(c.arrived_at)
  AND EXISTS (SELECT FROM visits v WHERE v.call_id = c.id AND v.queue IN (${queue:sqlstring}))
GROUP BY 1
ORDER BY 1
"""
BY_HOUR = """
SELECT to_char(c.arrived_at AT TIME ZONE '${zone}', 'HH24') AS hour,
  count(*) FILTER (WHERE extract(isodow FROM c.arrived_at AT TIME ZONE '${zone}') < 6) AS weekdays,
  count(*) FILTER (WHERE extract(isodow FROM c.arrived_at AT TIME ZONE '${zone}') > 5) AS weekends
FROM calls c
WHERE c.direction = 'inbound' AND $__timeFilter(c.arrived_at)
  AND EXISTS (SELECT FROM visits v WHERE v.call_id = c.id AND v.queue IN (${queue:sqlstring}))
GROUP BY 1
ORDER BY 1
"""


def dashboard() -> Dashboard:
    """For meetings."""
    made = Dashboard("趋势").uid("threerings-trends").refresh("15m").time("now-30d", "now")
    made.description(
        "Trends: the measures over weeks beside their limits, and how many called, when, and how it ended."
    )
    made.variables([prometheus(), postgres(), branch(), queue(), zone()])
    for measure, title, english, unit, *_ in MEASURES:
        said = f"{english} of the calls that ended since the first of this month, exactly, beside the limit."
        queries = [
            now(f"telephony_standard_value{of(measure, 'month')}", "{{branch}}"),
            now(f"max(telephony_standard_target{of(measure, 'month')})", "限值 limit", LIMIT),
        ]
        made.with_panel(panels.figure(f"本月{title}", said, queries, unit, decimals=1).span(6).height(4))
    for one in MEASURES:
        made.with_panel(_course(one).span(12).height(8))
    _counts(made)
    return made


def _course(measure: Measure) -> panels.Course:
    value = f'branch:telephony_{RECORDED[measure.name]}{{branch=~"$branch"}}'
    limit = f"telephony:{measure.name}:limit"
    said = (
        f"{measure.english} of the calls that ended in the 24 hours before each moment, as the recording rules have it "
        f"(within some percent); the dashed line is the limit ({measure.asked}), what is beyond it is drawn again, "
        "thick and with points."
    )
    queries = [
        lines(value, "{{branch}}", "A", step=HOURLY),
        lines(limit, "限值 limit", LIMIT, step=HOURLY),
        lines(f"{value} {measure.missed} on () group_left () {limit}", "超限 beyond · {{branch}}", BEYOND, step=HOURLY),
    ]
    return measure.course("前 24 小时", said, queries)


def _counts(made: Dashboard) -> None:
    for title, said, sql, colours in (
        (
            "每日来电", "Calls that came in and sought one of these queues or lines, by day of the site.",
            ARRIVED, {"来电 calls": ("来电 calls", BLUE)},
        ),
        ("每日等待的结束", "How the visits of each day ended. A call may make several.", ENDED % "outcome", ENDS),
        (
            "每日数据质量", "How well the visits of each day are known: live, in part, from queue_log, or in doubt.",
            ENDED % "quality", QUALITY,
        ),
    ):  # fmt: skip
        query = SqlBuilder(sql, series=True)
        panel = panels.course(title, said, [query], bars=True, stacked=True, colours=colours, decimals=0)
        made.with_panel(panel.span(12).height(8))
    said = "Calls by the hour of the site in which they came; Monday to Friday, and weekends."
    colours = {"weekdays": ("周一至周五 Mon–Fri", BLUE), "weekends": ("周末 Sat–Sun", ORANGE)}
    made.with_panel(panels.bars("来电时段", said, [SqlBuilder(BY_HOUR)], colours, lying=False).span(12).height(8))
