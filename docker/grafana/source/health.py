"""Health of the service: do we hear every PBX, is what we hear kept, and are the figures true."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from docker.grafana.source import panels
from docker.grafana.source.panels import ALIVE, BLUE, ORANGE, SECONDS, VERMILION
from docker.grafana.source.queries import branch, lines, now, prometheus, rows

LINKS = (
    ("服务", "Three Rings answers Prometheus.", 'max(up{job="threerings"})', "Three Rings"),
    ("交换机连接", "We hear the PBX (AMI).", "telephony_ami_connected", "{{pbx}}"),
    ("FastAGI", "PBXs can ask.", "telephony_agi_listening", "FastAGI"),
    ("日志盘", "What is read of the PBX is kept on disk (journal).", "telephony_journal_up", "{{pbx}}"),
    ("数据库", "The last attempt to write or ask worked.", "telephony_database_up", "PostgreSQL"),
)
QUANTILES = {"一半 half": ("一半 half", BLUE), "99 %": ("99 %", ORANGE)}
EXACT = {"0": ("✓ 0", BLUE)}


def dashboard() -> Dashboard:
    """For whoever runs it."""
    made = Dashboard("服务健康").uid("threerings-health").refresh("30s").time("now-6h", "now")
    made.description(
        "Health of the service: links, journal, saving, truth of the figures, answer times, stalls, alarms."
    )
    made.variables([prometheus(), branch()])
    for title, said, query, legend in LINKS:
        made.with_panel(panels.figure(title, said, [now(query, legend)], words=ALIVE).span(4).height(4))
    residual = now("max(abs(telephony_ledger_residual)) or vector(0)", "残差 residual")
    said = "Callers whom only the ledger or only the PBX has waiting; must be 0 (also 0 while nothing was compared)."
    panel = panels.figure("账实残差", said, [residual], words=EXACT, colour=VERMILION)
    made.with_panel(panel.span(4).height(4))
    _hearing(made)
    _truth(made)
    _speed(made)
    alarms = rows('ALERTS{alertstate="firing"}', "A")
    columns = {
        "severity": ("级别", ""),
        "alertname": ("警报", ""),
        "branch": ("营业部", ""),
        "pbx": ("PBX", ""),
        "queue": ("队列", ""),
    }
    said = "Alarms that fire now; docs/alerts.md says of each what it means and what helps."
    hidden = ("Value", "__name__", "alertstate", "instance", "job")
    made.with_panel(
        panels.grid("正在报警", said, [alarms], columns, hidden=hidden, nothing="无警报 none").span(24).height(6)
    )
    return made


def _add(made: Dashboard, *courses: panels.Course) -> None:
    for panel in courses:
        made.with_panel(panel.span(8).height(7))


def _hearing(made: Dashboard) -> None:
    _add(
        made,
        panels.course(
            "最近一次事件距今", "Since the last message of each PBX; a line that climbs is a silent PBX.",
            [lines("telephony_ami_last_event_age_seconds", "{{pbx}}", "A")], SECONDS,
        ),
        panels.course(
            "收到的事件", "Messages read from each PBX, a second.",
            [lines("sum by (pbx) (rate(telephony_ami_events_total[5m]))", "{{pbx}}", "A")], "ops",
        ),
        panels.course(
            "未收听的时间", "Seconds, of the 15 minutes before, in which we did not hear the PBX.",
            [lines("sum by (pbx) (increase(telephony_ami_gap_seconds_total[15m]))", "{{pbx}}", "A")], SECONDS,
        ),
    )  # fmt: skip


def _truth(made: Dashboard) -> None:
    _add(
        made,
        panels.course(
            "账实不符", "What queue_log told otherwise than the ledger, in 15 minutes; and what was put right.",
            [
                lines("sum by (kind) (increase(telephony_ledger_mismatch_total[15m]))", "不符 {{kind}}", "A"),
                lines("sum(increase(telephony_ledger_healed_total[15m]))", "已修正 put right", "B"),
            ],
        ),
        panels.course(
            "隔离的输入", "Messages and lines not acted upon, for they may be forged or cannot be read, in 15 minutes.",
            [
                lines("sum by (pbx) (increase(telephony_ami_quarantined_total[15m]))", "AMI {{pbx}}", "A"),
                lines("sum by (pbx) (increase(telephony_queuelog_quarantined_total[15m]))", "queue_log {{pbx}}", "B"),
            ],
        ),
        panels.course(
            "queue_log", "Lines read in the 15 minutes before, and how often lines are missing.",
            [
                lines("sum by (pbx) (increase(telephony_queuelog_lines_total[15m]))", "行 lines {{pbx}}", "A"),
                lines("sum by (pbx) (increase(telephony_queuelog_gaps_total[15m]))", "缺口 gaps {{pbx}}", "B"),
            ],
        ),
        panels.course(
            "保存积压", "Calls with a state not yet in the database; states given up or refused in 15 minutes.",
            [
                lines("telephony_saver_backlog", "积压 backlog", "A"),
                lines("increase(telephony_saver_dropped_total[15m])", "放弃 dropped", "B"),
                lines("increase(telephony_saver_refused_total[15m])", "拒绝 refused", "C"),
            ],
        ),
        panels.course(
            "保存延迟", "Age of the oldest state not in the database, and of the oldest record not on disk.",
            [
                lines("telephony_saver_lag_seconds", "数据库 database", "A"),
                lines("telephony_journal_oldest_unsaved_seconds", "日志盘 journal {{pbx}}", "B"),
            ],
            SECONDS,
        ),
        panels.course(
            "日志盘占用", "Bytes of the journal of each PBX on disk.",
            [lines("telephony_journal_bytes", "{{pbx}}", "A")], "bytes",
        ),
    )  # fmt: skip


def _quantiles(histogram: str) -> panels.Queries:
    grown = f"sum by (le) (rate({histogram}_bucket[5m]))"
    shares = (("0.5", "一半 half", "A"), ("0.99", "99 %", "B"))
    return [lines(f"histogram_quantile({share}, {grown})", shown, ref) for share, shown, ref in shares]


def _speed(made: Dashboard) -> None:
    _add(
        made,
        panels.course(
            "FastAGI 应答时间", "Half of the requests, and 99 of 100, were over within this time (5 minutes).",
            _quantiles("telephony_agi_seconds"), SECONDS, colours=QUANTILES,
        ),
        panels.course(
            "弹屏时间", "From ringing to the screen's word that it shows it; no line while nobody is signed in.",
            _quantiles("telephony_screenpop_seconds"), SECONDS, colours=QUANTILES,
        ),
        panels.course(
            "读取停顿", "Longest time for which the line to the PBX was not read, between two scrapes.",
            [lines("telephony_ami_read_stall_seconds", "{{pbx}}", "A")], SECONDS,
        ),
    )  # fmt: skip
