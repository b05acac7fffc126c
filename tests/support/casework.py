"""Cases to test with: people, a week of a branch, and a case that got so far."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from telephony.calls.record import Kind
from telephony.cases.asked import House
from telephony.cases.forms import form_of
from telephony.cases.kinds import CaseKind, Channel, VisitOutcome
from telephony.cases.model import Case, Terms
from telephony.cases.person import Person, Role
from telephony.cases.rules import advance
from telephony.cases.steps import Answer, Close, Plan, Record, ReturnVisit, Step
from telephony.standard.calendar import Calendar
from telephony.standard.hours import parse_period
from tests.support.days import SHANGHAI, o_clock

WEEK = Calendar(SHANGHAI, tuple(map(parse_period, ("mon-fri 08:30-11:30", "mon-fri 13:00-17:30"))))
TERMS = Terms(WEEK)
HOUSE = House(
    SHANGHAI,
    {(Kind.QUEUE, "support"): "changzhi", (Kind.QUEUE, "sales"): "jincheng", (Kind.DIRECT, "front-desk"): "changzhi"},
    {(Kind.QUEUE, "support"): WEEK, (Kind.DIRECT, "front-desk"): WEEK},
    {"4001": "support"},
)
ZHANG, LI = Person("u1", "张敏", also=frozenset({"agent:pbx1/Agent 1001"})), Person("u2", "李雷")
WANG = Person("u3", "王芳", Role.MARKETING)
ZHAO = Person("u4", "赵主管", Role.SUPERVISOR)
QIAN = Person("u5", "钱质检", Role.QUALITY)
NOW = o_clock("09:00").astimezone(UTC)  # a Monday
ENQUIRY = {
    "name": "王先生", "phone": "13800138000", "brief": "怎样开户", "handling": "已说明流程", "topic": "开户",
    "knows_computers": "some", "knows_trading": "none", "knows_securities": "none", "appraisal": "新客户",
    "verified_by": ["reserved_phone"],
}  # fmt: skip
COMPLAINT = {
    "name": "陈女士", "sex": "female", "phone": "13900139000", "brief": "等待太久", "handling": "致歉并说明",
    "about": "service_quality", "fund_account": "10086", "details": "三次来电无人接听",
}  # fmt: skip
BASIC = {"name": "王先生", "brief": "查询余额", "handling": "已告知"}
FIELDS = dict.fromkeys(CaseKind, BASIC) | {CaseKind.ENQUIRY: ENQUIRY, CaseKind.COMPLAINT: COMPLAINT}


def local(instant: datetime | None) -> str:
    """As the wall clock of the site shows it."""
    assert instant is not None
    return instant.astimezone(SHANGHAI).strftime("%a %m-%d %H:%M")


def case(**changes: object) -> Case:
    """As the machine opened it."""
    return Case(UUID(int=1), NOW, "000001", **changes)  # type: ignore[arg-type]


def record(kind: CaseKind = CaseKind.ENQUIRY, *, advice: bool = False, **changes: object) -> Record:
    """The form of this kind, filled in."""
    return Record(kind, form_of(kind, {**FIELDS[kind], **changes}), advice)


def after(start: Case, *steps: Step, by: Person = ZHANG, minutes: float = 0) -> Case:
    """The case after these steps of one person, a minute apart."""
    for number, step in enumerate(steps):
        start = advance(start, step, by, NOW + timedelta(minutes=minutes + number), TERMS)
    return start


PLAN, ANSWER, CLOSE = Plan("核实录音，两日内答复"), Answer("已向客户说明"), Close()
SATISFIED = ReturnVisit(Channel.PHONE, VisitOutcome.SATISFIED, "满意")
