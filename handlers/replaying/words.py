"""How a call's story is told: in English or Chinese."""

from collections.abc import Mapping

ENGLISH = {
    "call": "call", "pbx": "PBX", "arrived": "arrived", "came_out": "As it came out of the journal",
    "row_same": "The database says the same.", "row_differs": "The database says otherwise:",
    "row_none": "The database has no such call.", "row_unknown": "The database was not asked: {why}",
    "journal_says": "journal", "database_says": "database", "unreadable": "{count} records could not be read.",
    "earlier": "* happened before something above it: steps stand as they were read, which after a start is not as they"
    " happened.",
    "not_over": "The journal ends before the call does.", "never": "The journal names it, and no call came of it.",
    "not_found": "{id}: not found. The journal of {pbx} covers {first} to {last}; an id is a UUID, a case like 000017,"
    " or a channel like {pbx}-1795343852.350.",
    "empty": "The journal of {pbx} is empty.",
    "case": "case", "nobody": "-", "open": "open",
    "link": "line", "link_up": "up", "link_down": "lost", "service": "service",
    "service_began": "a process of ours began",
    "time": "time", "time_passed": "passed", "journal": "journal", "journal_hole": "records are missing", "agi": "AGI",
    "agi_asked": "asked for the case", "queue_log_lines": "", "cel_lines": "", "listing_given_up": "given up",
    "listing_asked": "asked for",
    "ami_refused": "refused", "case_opened": "case opened",
    "visit_entered": "visit {ordinal} entered: {queue} ({kind})",
    "visit_ended": "visit {ordinal} {outcome}: {reason}; wait {wait}, rings {rings}, {quality}",
    "visit_refused": "visit {ordinal} {outcome} by {queue}: {reason}",
    "visit_corrected": "visit {ordinal} corrected from {before} to {outcome}: {reason}",
    "talk_ended": "talk of visit {ordinal} ended: {talk}, hold {hold}, hung up by {party}",
    "offer_ended": "offer to {agent} ended: {result}, rang {alerting}, rings {rings}",
    "call_ended": "call ended, by {party}",
    "irregular": "no rule allows that: {what}: {detail}", "saved": "state saved as revision {revision}",
}  # fmt: skip
CHINESE = ENGLISH | {
    "call": "通话", "arrived": "到达", "came_out": "日志重放的结果", "row_same": "数据库记录一致。",
    "row_differs": "数据库记录不一致：", "row_none": "数据库中没有这通电话。", "row_unknown": "未查询数据库：{why}",
    "journal_says": "日志", "database_says": "数据库", "unreadable": "{count} 条记录无法读取。",
    "earlier": "* 发生时间早于上面的某一步：各步按读取顺序排列，服务启动之后的读取顺序与发生顺序不一定相同。",
    "not_over": "日志在通话结束之前就结束了。", "never": "日志提到了它，但没有形成通话。",
    "not_found": "{id}：没有找到。{pbx} 的日志范围为 {first} 至 {last}；"
    "编号形如 UUID、000017 或 {pbx}-1795343852.350。", "empty": "{pbx} 的日志是空的。",
    "case": "工单",
    "open": "未结束", "link": "线路", "link_up": "接通", "link_down": "中断", "service": "服务",
    "service_began": "我们的进程启动",
    "time": "时间", "time_passed": "到点", "journal": "日志", "journal_hole": "缺少记录", "agi_asked": "询问工单",
    "listing_given_up": "放弃", "listing_asked": "请求清单", "ami_refused": "拒收", "case_opened": "建立工单",
    "visit_entered": "第 {ordinal} 次等待开始：{queue}（{kind}）",
    "visit_ended": "第 {ordinal} 次等待结束 {outcome}：{reason}；等待 {wait}，振铃 {rings} 声，{quality}",
    "visit_refused": "第 {ordinal} 次等待被 {queue} 拒绝 {outcome}：{reason}",
    "visit_corrected": "第 {ordinal} 次等待由 {before} 更正为 {outcome}：{reason}",
    "talk_ended": "第 {ordinal} 次等待的通话结束：{talk}，保持 {hold}，由 {party} 挂断",
    "offer_ended": "呼叫 {agent} 结束：{result}，振铃 {alerting}，{rings} 声",
    "call_ended": "通话结束，由 {party} 挂断",
    "irregular": "没有规则允许：{what}：{detail}", "saved": "状态已保存，修订号 {revision}",
}  # fmt: skip


def words_of(environment: Mapping[str, str]) -> Mapping[str, str]:
    """In the language of who asks: Chinese where LC_ALL, LC_MESSAGES or LANG (the first that is set) says so."""
    said = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(name))), "")
    return CHINESE if said.startswith("zh") else ENGLISH
