# ruff: noqa: S608 - put together from the constants of this file
"""Agents: who answered, who let it ring, who talked, who did what for how long. From PostgreSQL: they are in no label.

Counts only, so that no measure is defined a second time; what they mean stands in docs/definitions.md.
"""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from docker.grafana.source import panels
from docker.grafana.source.panels import BLUE, GREEN, GREY, ORANGE, PINK, SKY, VERMILION, YELLOW
from docker.grafana.source.queries import SqlBuilder, agent, branch, postgres, prometheus, queue

OFFERS = """offers o JOIN visits v ON v.call_id = o.call_id AND v.ordinal = o.visit
WHERE $__timeFilter(coalesce(o.answered_at, o.ended_at))
  AND v.queue IN (${queue:sqlstring}) AND o.agent IN (${agent:sqlstring})"""
"""An offer counts where that phone stopped ringing, and belongs to its own queue or line."""
ANSWERED = """visits v
WHERE v.outcome = 'answered' AND $__timeFilter(v.left_at)
  AND v.queue IN (${queue:sqlstring}) AND v.agent IN (${agent:sqlstring})"""
RESULTS = {
    "answered": ("接听 answered", BLUE),
    "no_answer": ("未接 no answer", VERMILION),
    "caller_left": ("来电者离开 caller left", ORANGE),
    "cancelled_elsewhere": ("同事先接 colleague was faster", SKY),
    "busy": ("占线 busy", PINK),
    "unreachable": ("未振铃 unreachable", GREY),
}
TABLE = f"""
WITH rung AS (
  SELECT o.agent,
    count(*) FILTER (WHERE o.rings > 0) AS rang,
    count(*) FILTER (WHERE o.result = 'answered') AS answered,
    count(*) FILTER (WHERE o.result = 'no_answer') AS no_answer,
    count(*) FILTER (WHERE o.result = 'caller_left') AS caller_left,
    count(*) FILTER (WHERE o.result = 'cancelled_elsewhere') AS cancelled_elsewhere,
    count(*) FILTER (WHERE o.result IN ('busy', 'unreachable')) AS not_rung,
    max(o.rings) AS most_rings
  FROM {OFFERS}
  GROUP BY o.agent
), talked AS (
  SELECT v.agent, count(v.talk_us) AS talks, sum(v.talk_us) / 1e6 AS talk, max(v.talk_us) / 1e6 AS longest,
    count(*) FILTER (WHERE v.hung_up_by = 'agent') AS hung_up
  FROM {ANSWERED}
  GROUP BY v.agent
)
SELECT agent, rang, answered, no_answer, caller_left, cancelled_elsewhere, not_rung, most_rings,
  talks, talk, longest, hung_up
FROM rung FULL JOIN talked USING (agent)
ORDER BY agent
"""
COLUMNS = {
    "agent": ("坐席", ""), "rang": ("振铃", "short"), "answered": ("接听", "short"), "no_answer": ("未接", "short"),
    "caller_left": ("来电者离开", "short"), "cancelled_elsewhere": ("同事先接", "short"),
    "not_rung": ("占线／未振铃", "short"), "most_rings": ("最多响数", "short"), "talks": ("通话", "short"),
    "talk": ("通话合计", "s"), "longest": ("最长通话", "s"), "hung_up": ("先挂机", "short"),
}  # fmt: skip
RINGS = f"""
SELECT o.agent,
  count(*) FILTER (WHERE o.rings = 1) AS r1, count(*) FILTER (WHERE o.rings = 2) AS r2,
  count(*) FILTER (WHERE o.rings = 3) AS r3, count(*) FILTER (WHERE o.rings = 4) AS r4,
  count(*) FILTER (WHERE o.rings > 4) AS r5
FROM {OFFERS} AND o.result = 'answered'
GROUP BY o.agent
ORDER BY o.agent
"""
RING_COLOURS = {
    "r1": ("第一响 1st", BLUE), "r2": ("第二响 2nd", SKY), "r3": ("第三响 3rd", GREEN),
    "r4": ("第四响 4th", ORANGE), "r5": ("更晚 later", VERMILION),
}  # fmt: skip
MISSED = f"""
SELECT o.agent, count(*) FILTER (WHERE o.result = 'no_answer') AS no_answer,
  count(*) FILTER (WHERE o.result = 'caller_left') AS caller_left
FROM {OFFERS}
GROUP BY o.agent
ORDER BY o.agent
"""
TALK = f"""
SELECT v.agent, (sum(v.talk_us) - sum(coalesce(v.hold_us, 0))) / 1e6 AS spoken,
  sum(coalesce(v.hold_us, 0)) / 1e6 AS held
FROM {ANSWERED} AND v.talk_us IS NOT NULL
GROUP BY v.agent
ORDER BY v.agent
"""
TIME = """
SELECT s.agent, s.state AS metric,
  extract(epoch FROM sum(least(coalesce(s.ended_at, h.until), $__timeTo()::timestamptz)
    - greatest(s.began_at, $__timeFrom()::timestamptz))) AS value
FROM agent_spells s JOIN agents_heard h USING (pbx)
WHERE s.began_at >= $__timeFrom()::timestamptz - interval '13 hours' AND s.began_at < $__timeTo()
  AND coalesce(s.ended_at, h.until) > $__timeFrom()
  AND s.queues && ARRAY[${queue:sqlstring}]::text[] AND s.agent IN (${agent:sqlstring})
GROUP BY s.agent, s.state"""
"""A spell lasts for half a day at most; one that goes on is known as long as its PBX is heard."""
STATES = {
    "talking": ("通话 talking", BLUE),
    "wrap_up": ("话后 wrap-up", PINK),
    "ringing": ("振铃 ringing", YELLOW),
    "ready": ("空闲 ready", GREEN),
    "paused": ("置忙 paused", ORANGE),
    "unknown": ("未监听到 not heard", GREY),
}
SPENT = f"""
SELECT agent, {", ".join(f"sum(value) FILTER (WHERE metric = '{state}') AS {state}" for state in STATES)}
FROM ({TIME}) AS spent
GROUP BY agent
HAVING bool_or(metric <> 'unreachable')
ORDER BY agent
"""
OVER_TIME = f"""
SELECT date_bin('15 minutes', coalesce(o.answered_at, o.ended_at), '2000-01-03Z') AS time, o.result AS metric,
  count(*) AS value
FROM {OFFERS} AND o.result IS NOT NULL
GROUP BY 1, 2
ORDER BY 1, 2
"""


def dashboard() -> Dashboard:
    """For whoever leads a team."""
    made = Dashboard("坐席").uid("threerings-agents").refresh("1m").time("now/d", "now")
    made.description("Agents: rings, answers, talks and time of each, from the database; counts, not ratios.")
    made.variables([prometheus(), postgres(), branch(), queue(), agent()])
    said = (
        "Of each agent: phones that rang, answered, not answered, stopped because the caller left or "
        "a colleague was faster, busy or never rang; most rings of one phone; talks of which he answered first, their "
        "length, the longest, and those that he ended."
    )
    made.with_panel(panels.grid("坐席一览", said, [SqlBuilder(TABLE)], COLUMNS).span(24).height(9))
    said = (
        "How long each agent did what, over all his queues: members of a queue whose phone can be reached. "
        "Occupancy is talking and wrap-up of all but paused and not heard (/api/v1/agents)."
    )
    made.with_panel(panels.bars("坐席时间", said, [SqlBuilder(SPENT)], STATES, "s").span(24).height(9))
    said = "Answered phones by the ring in which they were answered. The standard: within three."
    made.with_panel(panels.bars("第几响接听", said, [SqlBuilder(RINGS)], RING_COLOURS).span(12).height(9))
    said = "Phones that rang and were not answered while the caller waited on, and those that rang when he left."
    colours = {name: RESULTS[name] for name in ("no_answer", "caller_left")}
    made.with_panel(panels.bars("振铃未接", said, [SqlBuilder(MISSED)], colours).span(12).height(9))
    said = "Talk of the agents who answered first; holds apart."
    colours = {"spoken": ("通话 talk", BLUE), "held": ("保持 hold", YELLOW)}
    made.with_panel(panels.bars("通话时长", said, [SqlBuilder(TALK)], colours, "s").span(12).height(9))
    said = "How the phones that were called stopped ringing, in each quarter of an hour."
    query = SqlBuilder(OVER_TIME, series=True)
    made.with_panel(
        panels.course("振铃结果（每 15 分钟）", said, [query], bars=True, stacked=True, colours=RESULTS)
        .span(12)
        .height(9)
    )
    return made
