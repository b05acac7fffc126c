"""Which recording of the real PBX is which story on the simulator. tests/pbx/catalogue.py has them in its own words."""

from telephony.simulator.people import Caller, Reaction, Then
from tests.simulator.bench import C1, C2, Agent, Meddling, Story

MEDDLED = 1.89
"""The recorder's hand comes 0.11 s early in its stories of 2 s: it counts from the invitation it sent itself."""


def one(
    dials: str,
    *agents: Agent,
    hangs_up_after: float | None = None,
    talks_for: float | None = None,
    presses: tuple[float, str] | None = None,
    meddling: tuple[tuple[float, Meddling], ...] = (),
) -> Story:
    """One caller."""
    caller = Caller(number=C1, dials=dials, hangs_up_after=hangs_up_after, talks_for=talks_for, presses=presses)
    return Story(((0, caller),), agents, meddling)


def agent(phone: str, *reactions: Reaction, serves: str = "", paused: bool = False) -> Agent:
    return Agent(phone, reactions, (serves,) if serves else (), paused)


def answers(after: float, **more: object) -> Reaction:
    return Reaction(then=Then.ANSWERS, after=after, **more)  # type: ignore[arg-type]


RINGS, BUSY, SILENT = (Reaction(then=then) for then in (Then.RINGS, Then.BUSY, Then.SILENT))
REJECTS = Reaction(then=Then.REJECTS, after=1)
NEVER = agent("1001", RINGS)

STORIES: dict[str, Story] = {
    # queues
    "answered": one("4001", agent("1001", answers(2), serves="support"), hangs_up_after=4),
    "answered_agent_hangs_up": one("4001", agent("1001", answers(1, talks_for=1.5), serves="support")),
    "abandoned_waiting": one("4001", hangs_up_after=3),
    "abandoned_ringing": one("4001", agent("1001", RINGS, serves="support"), hangs_up_after=3),
    "abandoned_announcement": one("4004", agent("1001", answers(1), serves="announced"), hangs_up_after=2.5),
    "answered_announcement": one("4004", agent("1001", answers(1), serves="announced"), hangs_up_after=6),
    "timeout": one("4101"),
    "timeout_ringing": one("4101", agent("1001", RINGS, serves="support")),
    "timeout_untold": one("4201"),
    "key_exit": one("4005", agent("1001", RINGS, serves="keyed"), presses=(2.17, "1")),
    "leave_empty": one(
        "4006",
        agent("1001", BUSY, serves="leave-empty"),
        meddling=((MEDDLED, lambda pbx, *_: pbx.remove_member("leave-empty", "PJSIP/1001")),),
    ),
    "withdrawn": one("4001", meddling=((2.016, lambda _, plan, calls: plan.withdraw(calls[0])),)),
    "redirected": one("4001", meddling=((MEDDLED, lambda _, plan, calls: plan.redirect(calls[0], "7000")),)),
    "redirected_ringing": one(
        "4001",
        agent("1001", RINGS, serves="support"),
        meddling=((MEDDLED, lambda _, plan, calls: plan.redirect(calls[0], "7000")),),
    ),
    "ended_by_ami": one("4001", meddling=((MEDDLED, lambda _, plan, calls: plan.end(calls[0])),)),
    "ended_by_limit": one("4301"),
    "refused_full": Story(
        (
            (0, Caller(number=C1, dials="4008", hangs_up_after=3)),
            (1, Caller(number=C2, dials="4008")),
        )
    ),
    "refused_empty": one("4007"),
    "ring_all": one(
        "4002",
        agent("1001", RINGS, serves="ring-all"),
        agent("1002", answers(2), serves="ring-all"),
        agent("1003", RINGS, serves="ring-all"),
        hangs_up_after=4,
    ),
    "linear": one(
        "4003", agent("1001", RINGS, serves="linear"), agent("1002", answers(1), serves="linear"), hangs_up_after=6.5
    ),
    "agent_busy": one(
        "4003", agent("1001", BUSY, serves="linear"), agent("1002", answers(1), serves="linear"), hangs_up_after=5
    ),
    "agent_rejects": one(
        "4003", agent("1001", REJECTS, serves="linear"), agent("1002", answers(1), serves="linear"), hangs_up_after=6
    ),
    "agent_never_rings": one(
        "4003", agent("1001", SILENT, serves="linear"), agent("1002", answers(1), serves="linear"), hangs_up_after=7
    ),
    "paused_member": one(
        "4001",
        agent("1001", answers(1), serves="support", paused=True),
        agent("1002", answers(1), serves="support"),
        hangs_up_after=3,
    ),
    "two_visits": one("4501", agent("1001", answers(1), serves="overflow"), hangs_up_after=7),
    "two_visits_same_queue": one("4601", agent("1001", RINGS, serves="support")),
    "two_callers_one_agent": Story(
        (
            (0, Caller(number=C1, dials="4001", hangs_up_after=3)),
            (0.504, Caller(number=C2, dials="4001", hangs_up_after=6)),
        ),
        (agent("1001", answers(1), serves="support"),),
    ),
    "hold": one("4001", agent("1001", answers(1, holds=(0.7, 1)), serves="support"), hangs_up_after=4),
    "blind_transfer": one(
        "4001",
        agent("1001", answers(1, transfers=(1, "4013")), serves="support"),
        agent("1002", answers(1), serves="sales"),
        hangs_up_after=5.5,
    ),
    "blind_transfer_to_phone": one(
        "4001",
        agent("1001", answers(1, transfers=(1, "1002")), serves="support"),
        agent("1002", answers(1)),
        hangs_up_after=5.5,
    ),
    "attended_transfer": one(
        "4801",
        agent("1001", answers(1, consults=(0.61, "PJSIP/1002", 4.2)), serves="support"),
        agent("1002", answers(1)),
        hangs_up_after=9,
    ),
    "agent_ends_by_ami": one(
        "4001",
        agent("1001", answers(1), serves="support"),
        meddling=((2.89, lambda _, plan, calls: plan.end_agent(calls[0])),),
    ),
    # direct
    "direct_answered": one("5101", agent("1001", answers(2)), talks_for=1.5),
    "direct_agent_hangs_up": one("5101", agent("1001", answers(1, talks_for=1.5))),
    "direct_greeted": one("5501", agent("1001", answers(2)), hangs_up_after=4),
    "direct_abandoned": one("5101", NEVER, hangs_up_after=3),
    "direct_no_answer": one("5201", NEVER),
    "direct_busy": one("5101", agent("1001", BUSY)),
    "direct_rejected": one("5101", agent("1001", REJECTS)),
    "direct_never_rang": one("5201", agent("1001", SILENT)),
    "direct_unplugged": one("5239"),
    "direct_redirected": one(
        "5101", NEVER, meddling=((MEDDLED, lambda _, plan, calls: plan.redirect(calls[0], "7000")),)
    ),
    "direct_ended_by_ami": one("5101", NEVER, meddling=((MEDDLED, lambda _, plan, calls: plan.end(calls[0])),)),
    "direct_ended_by_limit": one("5901", NEVER),
    "direct_two_at_once": one("5300", NEVER, agent("1002", answers(2)), talks_for=1),
    "direct_one_after_the_other": one("5400", NEVER, agent("1002", answers(1)), talks_for=1),
    "direct_then_queue": one("5601", NEVER, agent("1002", answers(1), serves="support"), hangs_up_after=6),
}

NOT_PLAYED = {
    "answered_unanswered_call": "the demo's dialplan answers before its queues",
    "queue_not_answered_call": "the same",
    "blonde_transfer": "the demo's agents hand over when the colleague has answered",
    "parked": "the demo has no parking lot",
    "wrapped": "no wrap-up in the demo; the wire is that of `answered`",
    "click_to_call": "no visit: the demo's agents call nobody",
    "outbound": "the same",
    "internal": "the same",
    "connected_late": "the listings are compared by the stories and by the hour; test_manager has them",
    "direct_connected_late": "the same",
    "direct_by_local": "no Local channels in the demo but those of consultations",
    "local_caller": "the same",
    "local_caller_abandons": "the same",
    "local_caller_optimized": "the same",
    "local_member": "the same",
    "local_member_abandoned": "the same",
    "local_member_optimized": "the same",
    "hostile": "played in test_hostile.py: its Newchannel cannot be compared header by header",
    "hostile_forged": "the same",
    "hostile_raw": "the demo's dialplan cleans numbers",
    "long_name": "the wire is that of `abandoned_waiting`",
    "long_name_cut": "the same",
    "killed": "the demo's PBX ends with the demo",
    "shutdown": "the same",
}
"""The other recordings, and why the simulator does not tell their stories."""
