"""The catalogue of measures. docs/measures.md is made from it; a measure whose meaning changes gets another version."""

from collections.abc import Callable
from datetime import timedelta

from telephony.standard.figures import MICROSECOND, Ratio
from telephony.standard.measures import Limit, Measure, Population, Reading, Unit
from telephony.standard.measures_sums import Sums
from telephony.standard.verdict import ABANDONMENT, MEAN_WAIT, WITHIN_SHARE, Bound


def _share(ratio: Callable[[Sums], Ratio]) -> Callable[[Sums], Reading]:
    def read(sums: Sums) -> Reading:
        part, whole = found = ratio(sums)
        return Reading(found.share, part, whole)

    return read


def _mean(ratio: Callable[[Sums], Ratio]) -> Callable[[Sums], Reading]:
    def read(sums: Sums) -> Reading:
        part, whole = found = ratio(sums)
        return Reading(_seconds(found.mean), _seconds(part * MICROSECOND), whole)

    return read


def _longest(sums: Sums) -> Reading:
    value = None if sums.longest is None else _seconds(sums.longest * MICROSECOND)
    return Reading(value, None, sums.calls.waits)


def _occupancy(sums: Sums) -> Reading:
    part, whole = found = sums.agents.of_occupancy
    return Reading(found.share, _seconds(part * MICROSECOND), (whole * MICROSECOND).total_seconds())


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


_ABANDONED = Limit(ABANDONMENT, lambda limits: limits.abandonment)

CATALOGUE: tuple[Measure, ...] = (
    Measure(
        "abandonment",
        1,
        "Abandonment",
        "弃线率",
        "STD-ABANDON",
        Unit.SHARE,
        Population.CALLS,
        "Share of the calls that sought somebody, were never answered and whose caller hung up while he waited; short "
        "and lost calls are on neither side.",
        "请求人工的来电中从未接通、且来电者在等待中挂断的比例；短弃线与结局不明的来电均不计入分子和分母。",
        _share(lambda sums: sums.figures.of_abandonment),
        _ABANDONED,
        threshold="short_abandon_seconds",
    ),
    Measure(
        "unanswered",
        1,
        "Unanswered",
        "未接率",
        "STD-ABANDON",
        Unit.SHARE,
        Population.CALLS,
        "Share of the calls that sought somebody and were never answered, however they ended; held against the limit "
        "of abandonment, so that sending callers away gains nothing.",
        "请求人工的来电中从未接通的比例，不论以何种方式结束；与弃线率适用同一上限，因此把来电者打发走并无好处。",
        _share(lambda sums: sums.figures.of_unanswered),
        _ABANDONED,
        threshold="short_abandon_seconds",
    ),
    Measure(
        "short",
        1,
        "Short",
        "短弃线率",
        "",
        Unit.SHARE,
        Population.CALLS,
        "Share of the calls that sought somebody and were given up sooner than the threshold of their queue; the "
        "threshold 0 switches it off.",
        "请求人工的来电中在本队列门限时间之内即被放弃的比例；门限为 0 表示不区分短弃线。",
        _share(lambda sums: Ratio(sums.figures.short, sums.figures.sought)),
        threshold="short_abandon_seconds",
    ),
    Measure(
        "mean_wait",
        1,
        "Mean wait",
        "平均等待时长",
        "STD-WAIT",
        Unit.SECONDS,
        Population.CALLS,
        "Mean wait of the calls that were answered or given up, over all their visits until the first answer; a wait "
        "that nobody knows is left out.",
        "已接通或被放弃的来电的平均等待时长，含首次接通之前的全部等待；时长不明者不计。",
        _mean(lambda sums: sums.figures.of_wait),
        Limit(MEAN_WAIT, lambda limits: limits.mean_wait.total_seconds()),
    ),
    Measure(
        "asa",
        1,
        "Average speed of answer",
        "平均应答时长",
        "STD-WAIT",
        Unit.SECONDS,
        Population.CALLS,
        "Mean wait of the calls that were answered; a wait that nobody knows is left out.",
        "已接通来电的平均等待时长；时长不明者不计。",
        _mean(lambda sums: Ratio(sums.calls.answer_waited, sums.calls.answers)),
    ),
    Measure(
        "longest_wait",
        1,
        "Longest wait",
        "最长等待",
        "STD-WAIT",
        Unit.SECONDS,
        Population.CALLS,
        "The longest known wait of a call that sought somebody, however it ended.",
        "请求人工的来电中已知的最长等待时长，不论以何种方式结束。",
        _longest,
    ),
    Measure(
        "within_three_rings",
        1,
        "Within three rings",
        "三响之内接听率",
        "STD-RINGS",
        Unit.SHARE,
        Population.CALLS,
        "Share of the calls for which a phone rang that were answered within three rings, counted from the first ring "
        "over all phones; callers who were gone within three rings are on neither side, and a phone that nobody "
        "answers is a failure.",
        "有话机振铃的来电中在三响之内接通的比例，自首台话机首响起累计；三响之内即挂断者不计，无人接听视为未达标。",
        _share(lambda sums: sums.figures.of_rings),
        Limit(WITHIN_SHARE, lambda limits: limits.within_share),
        threshold="rings",
    ),
    Measure(
        "agent_within_three_rings",
        1,
        "Agent within three rings",
        "坐席三响之内接听率",
        "STD-RINGS",
        Unit.SHARE,
        Population.OFFERS,
        "Share of the phones that rang that were answered within three rings of their own; phones that were cancelled "
        "before the third ring was over are on neither side.",
        "振铃的话机中在自身三响之内被接听的比例；第三响结束之前即被取消的不计。",
        _share(lambda sums: Ratio(sums.offers.within_rings, sums.offers.judged)),
        threshold="rings",
    ),
    Measure(
        "service_level",
        1,
        "Service level",
        "服务水平",
        "",
        Unit.SHARE,
        Population.CALLS,
        "Share of the calls that sought somebody that were answered within the target of their queue; short and lost "
        "calls are on neither side, and an unknown wait is not within the target.",
        "请求人工的来电中在本队列目标时间之内接通的比例；短弃线与结局不明的来电不计，等待时长不明者视为未达目标。",
        _share(lambda sums: Ratio(sums.calls.in_target, sums.figures.judged)),
        threshold="service_level_seconds",
    ),
    Measure(
        "ring_no_answer",
        1,
        "Ring, no answer",
        "振铃未接率",
        "STD-RINGS",
        Unit.SHARE,
        Population.OFFERS,
        "Share of the phones that rang that were not answered though the caller waited on and no colleague was faster.",
        "振铃的话机中，来电者仍在等待且并无同事先接，却未被接听的比例。",
        _share(lambda sums: Ratio(sums.offers.no_answer, sums.offers.alerted)),
    ),
    Measure(
        "caller_left",
        1,
        "Caller left while it rang",
        "振铃中来电者离开率",
        "",
        Unit.SHARE,
        Population.OFFERS,
        "Share of the phones that rang that stopped because the caller was gone.",
        "振铃的话机中因来电者离开而停止的比例。",
        _share(lambda sums: Ratio(sums.offers.caller_left, sums.offers.alerted)),
    ),
    Measure(
        "visit_abandonment",
        1,
        "Visit abandonment",
        "单次排队弃线率",
        "",
        Unit.SHARE,
        Population.VISITS,
        "Share of the visits that ended, refused ones included, whose caller hung up while he waited; short and lost "
        "visits are on neither side.",
        "已结束的单次排队（含被拒绝者）中来电者在等待中挂断的比例；短弃线与结局不明者不计。",
        _share(lambda sums: Ratio(sums.visits.abandoned - sums.visits.short, sums.visits.ended - sums.visits.short)),
        threshold="short_abandon_seconds",
    ),
    Measure(
        "visit_answer_rate",
        1,
        "Visit answer rate",
        "单次排队接通率",
        "",
        Unit.SHARE,
        Population.VISITS,
        "Share of the visits that ended, refused ones included, that were answered; short and lost visits are on "
        "neither side.",
        "已结束的单次排队（含被拒绝者）中接通的比例；短弃线与结局不明者不计。",
        _share(lambda sums: Ratio(sums.visits.answered, sums.visits.ended - sums.visits.short)),
        threshold="short_abandon_seconds",
    ),
    Measure(
        "visit_wait",
        1,
        "Visit wait",
        "单次排队平均等待",
        "",
        Unit.SECONDS,
        Population.VISITS,
        "Mean wait of the visits that were answered or given up; a wait that nobody knows is left out.",
        "接通或被放弃的单次排队的平均等待时长；时长不明者不计。",
        _mean(lambda sums: Ratio(sums.visits.waited, sums.visits.waits)),
    ),
    Measure(
        "final_lost",
        1,
        "Finally lost",
        "最终流失率",
        "STD-FIRST-ASKED",
        Unit.SHARE,
        Population.NUMBERS,
        "Share of the numbers that gave up that neither got through nor were called back within the time asked, 60 "
        "minutes unless configured otherwise; that they were called counts, whether they answered is not stored; "
        "numbers whose time still runs are on neither side.",
        "曾放弃的来电号码中，在规定时间（默认 60 分钟，可配置）内既未再次拨通、也未被回拨的比例；"
        "回拨即计，是否接听未作记录；时间未满的号码不计。",
        _share(lambda sums: Ratio(sums.numbers.final_lost, sums.numbers.gave_up)),
        threshold="final_lost_minutes",
    ),
    Measure(
        "hung_up_by_agent",
        1,
        "Hung up by the agent",
        "坐席先挂机率",
        "STD-HANGUP-LAST",
        Unit.SHARE,
        Population.TALKS,
        "Share of the talks of which it is known who ended them that the agent ended; a talk is the first agent's, "
        "also when it was handed on.",
        "已知由谁结束的通话中由坐席先挂机的比例；转接的通话计入首位接听者。",
        _share(lambda sums: Ratio(sums.talks.by_agent, sums.talks.hung_up)),
    ),
    Measure(
        "long_talks",
        1,
        "Talks over five minutes",
        "超五分钟通话率",
        "STD-FIVE-MIN",
        Unit.SHARE,
        Population.TALKS,
        "Share of the talks of known length, holds included, that were longer than five minutes.",
        "已知时长（含保持）的通话中超过五分钟的比例。",
        _share(lambda sums: Ratio(sums.talks.long, sums.talks.known)),
        threshold="long_talk_seconds",
    ),
    Measure(
        "talk",
        1,
        "Mean talk",
        "平均通话时长",
        "",
        Unit.SECONDS,
        Population.TALKS,
        "Mean length of the talks of known length, holds included.",
        "已知时长（含保持）的通话的平均时长。",
        _mean(lambda sums: Ratio(sums.talks.talked, sums.talks.known)),
    ),
    Measure(
        "occupancy",
        1,
        "Occupancy",
        "坐席占用率",
        "",
        Unit.SHARE,
        Population.AGENTS,
        "Talk and wrap-up of the agents as a share of the time for which they were there and not paused; time in which "
        "the PBX was not heard is on neither side.",
        "坐席通话与话后处理时间占其在岗且未置忙时间的比例；未能监听到电话系统的时间不计入分子和分母。",
        _occupancy,
    ),
    Measure(
        "complaint_rate",
        1,
        "Complaint rate",
        "客户投诉率",
        "STD-COMPLAINT-RATE",
        Unit.SHARE,
        Population.CALLS,
        "Complaints about the quality of the telephone service, by when their case was opened, as a share of the calls "
        "answered; a case that is a part of another is not counted besides it.",
        "对电话服务质量的投诉（按工单建立时间计）占已接通来电的比例；已并入其他工单的不另计。",
        _share(lambda sums: Ratio(sums.cases.complaints, sums.figures.answered)),
        Limit(Bound.AT_MOST, lambda limits: limits.complaint_rate),
    ),
)
BY_NAME = {measure.name: measure for measure in CATALOGUE}
