"""Queues live: who waits now, for how long, and who could answer."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from docker.grafana.source import panels
from docker.grafana.source.panels import BLUE, GREEN, GREY, LIMIT, ORANGE, PINK, SECONDS, SKY, VERMILION, YELLOW
from docker.grafana.source.queries import branch, lines, now, prometheus, queue, rows

CHOSEN = 'queue=~"$queue"'
STATES = {
    "ready": ("空闲 ready", BLUE),
    "ringing": ("振铃 ringing", ORANGE),
    "talking": ("通话 talking", GREEN),
    "wrap_up": ("话后 wrap-up", PINK),
    "paused": ("置忙 paused", YELLOW),
    "unavailable": ("离线 unavailable", GREY),
}
ENDS = {
    "answered": ("接通 answered", BLUE),
    "abandoned": ("放弃 abandoned", VERMILION),
    "timeout": ("超时 timeout", ORANGE),
    "key_exit": ("按键离开 key exit", YELLOW),
    "empty": ("无坐席 empty", PINK),
    "redirected": ("转走 redirected", SKY),
    "withdrawn": ("撤回 withdrawn", GREEN),
    "lost": ("不明 lost", "#000000"),
    "busy": ("占线 busy", "#7B3294"),
    "unreachable": ("未振铃 unreachable", "#B2ABD2"),
    "incompatible": ("编码不符 incompatible", "#A6761D"),
    "ended_by_pbx": ("系统挂断 ended by PBX", "#5A5A5A"),
    "exited": ("未说明 exited", "#BDBDBD"),
    "refused_full": ("队列已满 refused, full", "#8C510A"),
    "refused_empty": ("无人值守 refused, empty", "#DFC27D"),
}
"""How visits end: the usual ones in colours, the rare ones in what is left."""
OLDEST_ALARM = 60
"""Seconds, as of the alarm OldestWait."""


def dashboard() -> Dashboard:
    """For whoever moves people between queues."""
    made = Dashboard("队列实时").uid("threerings-queues-live").refresh("10s").time("now-1h", "now")
    made.description("Queues live: who waits, the oldest wait, agents by state, callers that came and went.")
    made.variables([prometheus(), branch(), queue()])
    _figures(made)
    made.with_panel(_table().span(16).height(8))
    phones = rows('telephony_lines{line=~"$queue"} == 1', "A")
    said = "What the phone of each direct line is doing, as far as calls tell."
    columns = {"pbx": ("PBX", ""), "line": ("直线", ""), "state": ("话机", "")}
    hidden = ("Value", "__name__", "instance", "job")
    made.with_panel(panels.grid("直线话机", said, [phones], columns, hidden=hidden).span(8).height(8))
    _courses(made)
    return made


def _figures(made: Dashboard) -> None:
    for title, said, query, unit, nothing in (
        ("正在等待", "Customers waiting now.", f"sum(telephony_visits_waiting{{{CHOSEN}}})", "short", panels.NOTHING),
        (
            "最长等待", "Since when the customer waits who has waited longest.",
            f"max(telephony_oldest_wait_seconds{{{CHOSEN}}})", SECONDS, "无人等待 nobody waits",
        ),
        (
            "空闲坐席（席次）", "Agents ready now; who serves two queues counts in both.",
            f'sum(telephony_agents{{{CHOSEN}, state="ready"}})', "short", panels.NOTHING,
        ),
        (
            "近 15 分钟进入", "Customers that began to wait in the last 15 minutes (as increase() has it).",
            f"sum(increase(telephony_visits_entered_total{{{CHOSEN}}}[15m]))", "short", panels.NOTHING,
        ),
    ):  # fmt: skip
        panel = panels.figure(title, said, [now(query, "")], unit, nothing=nothing, decimals=0)
        made.with_panel(panel.span(6).height(4))


def _table() -> panels.Grid:
    queries = [
        rows(f"sum by (queue) (telephony_visits_waiting{{{CHOSEN}}})", "W"),
        rows(f"max by (queue) (telephony_oldest_wait_seconds{{{CHOSEN}}})", "O"),
    ]
    columns = {"queue": ("队列／直线", ""), "Value #W": ("等待", "short"), "Value #O": ("最长等待", SECONDS)}
    for ref, (state, (shown, _)) in zip("ABCDEF", STATES.items(), strict=True):
        queries.append(rows(f'sum by (queue) (telephony_agents{{{CHOSEN}, state="{state}"}})', ref))
        columns[f"Value #{ref}"] = (shown.split()[0], "short")
    said = (
        "Each queue now: waiting, oldest wait, and its agents: ready, ringing, talking, wrap-up, paused, unavailable."
    )
    return panels.grid("各队列", said, queries, columns)


def _courses(made: Dashboard) -> None:
    waiting = lines(f"sum by (queue) (telephony_visits_waiting{{{CHOSEN}}})", "{{queue}}", "A")
    oldest = [
        lines(f"max by (queue) (telephony_oldest_wait_seconds{{{CHOSEN}}})", "{{queue}}", "A"),
        lines(f"vector({OLDEST_ALARM})", "警报线 alarm", LIMIT),
    ]
    agents = lines(f"sum by (state) (telephony_agents{{{CHOSEN}}})", "{{state}}", "A")
    ended = lines(f"sum by (outcome) (increase(telephony_visits_ended_total{{{CHOSEN}}}[5m])) > 0", "{{outcome}}", "A")
    grown = f"increase(telephony_visits_refused_total{{{CHOSEN}}}[5m])"
    refused = lines(f"sum by (reason) ({grown}) > 0", "refused_{{reason}}", "B")
    entered = lines(f"sum by (queue) (increase(telephony_visits_entered_total{{{CHOSEN}}}[5m]))", "{{queue}}", "A")
    for panel in (
        panels.course("等待人数", "Customers waiting, by queue.", [waiting], decimals=0),
        panels.course(
            "最长等待（走势）", "Of those waiting; no line while nobody waits. Dashed: the alarm.", oldest, SECONDS
        ),
        panels.course("进入（每 5 分钟）", "Customers that began to wait in the 5 minutes before.", [entered]),
        panels.course(
            "结束（每 5 分钟）",
            "How the visits of the 5 minutes before ended, or were refused.",
            [ended, refused],
            stacked=True,
            colours=ENDS,
        ),
    ):
        made.with_panel(panel.span(12).height(7))
    said = "Agents of the queues by what they can do; who serves two queues counts in both."
    made.with_panel(panels.course("坐席状态（席次）", said, [agents], stacked=True, colours=STATES).span(24).height(7))
