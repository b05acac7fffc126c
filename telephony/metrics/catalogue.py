"""Every metric of this path: name, type, labels, meaning and buckets, in one place."""

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "telephony_"


class Type(StrEnum):
    """What a metric is to Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: without prefix, as in docs/interface.
        scraped: read from its source at each scrape.
        tallied: counted by effects, and read together with what is scraped, at one instant, so that
            entered = ended + waiting + settling holds in every scrape.
        standing: how the standard is kept now; has a collector of its own.
    """

    name: str
    type: Type
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()
    scraped: bool = False
    tallied: bool = False
    standing: bool = False


WAIT_BUCKETS = (5, 10, 15, 20, 30, 45, 60, 120, 300)
RING_BUCKETS = (1, 2, 3, 4, 5, 6, 8, 10)
TALK_BUCKETS = (10, 30, 60, 120, 180, 300, 600, 1200, 1800)
AGI_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 5, 30, 60, 300)
POP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_AGI = ("script", "result")
_CALL = ("pbx", "branch", "queue")
_VISIT = ("pbx", "queue", "kind")
_STANDARD = ("measure", "branch", "queue", "window")
STANDARD_MEASURES = ("abandonment", "unanswered", "mean_wait", "within_three_rings")
"""The label `measure`: shares from 0 to 1, `mean_wait` in seconds."""


def _counter(name: str, labels: tuple[str, ...], meaning: str, *, scraped: bool = False) -> Metric:
    return Metric(name, Type.COUNTER, labels, meaning, scraped=scraped)


def _tally(name: str, labels: tuple[str, ...], meaning: str) -> Metric:
    return Metric(name, Type.COUNTER, labels, meaning, scraped=True, tallied=True)


def _gauge(name: str, labels: tuple[str, ...], meaning: str) -> Metric:
    return Metric(name, Type.GAUGE, labels, meaning, scraped=True)


def _standing(name: str, meaning: str) -> Metric:
    return Metric(name, Type.GAUGE, _STANDARD, meaning, scraped=True, standing=True)


def _histogram(name: str, labels: tuple[str, ...], meaning: str, buckets: tuple[float, ...]) -> Metric:
    return Metric(name, Type.HISTOGRAM, labels, meaning, buckets)


CATALOGUE: tuple[Metric, ...] = (
    _counter("calls_sought_total", _CALL, "Ended calls that made a visit, refused ones included; last lost excluded"),
    _counter("calls_answered_total", _CALL, "Calls of which some visit was answered"),
    _counter("calls_gave_up_total", _CALL, "Calls never answered whose last outcome is abandoned, shorts included"),
    _counter("calls_unanswered_total", _CALL, "Calls never answered, whatever the last outcome"),
    _counter("calls_short_total", _CALL, "Calls that gave up before the short-abandon threshold of their queue"),
    _counter("calls_within_three_rings_total", _CALL, "Calls answered within the standard's rings"),
    _counter(
        "calls_alerted_total", _CALL, "Calls for which a phone rang, less callers gone within the standard's rings"
    ),
    _counter("calls_answered_in_target_total", _CALL, "Calls answered with a wait within the queue's service level"),
    _histogram("call_wait_seconds", (*_CALL, "outcome"), "Wait of a call that sought, over its visits", WAIT_BUCKETS),
    _tally("visits_entered_total", _VISIT, "Customers that began to wait"),
    _tally("visits_ended_total", (*_VISIT, "outcome"), "Visits that ended so"),
    _counter("visits_refused_total", ("pbx", "queue", "reason"), "Customers that the queue did not let in"),
    _counter("visits_lost_total", ("pbx", "kind"), "Visits whose end cannot be known"),
    _counter("visits_corrected_total", ("pbx", "before", "after"), "Visits whose counted outcome proved to be another"),
    _counter("ledger_mismatch_total", ("pbx", "kind"), "What queue_log tells otherwise than the ledger, once each"),
    _counter("ledger_healed_total", ("pbx", "kind"), "Of these, what was put right by queue_log"),
    _counter("ledger_uncompared_total", ("pbx",), "Stays of queue_log given up uncompared: too many had to wait"),
    _gauge("visits_waiting", _VISIT, "Customers waiting now"),
    _gauge("visits_settling", _VISIT, "Visits that have ended and of which the reason is awaited"),
    _gauge("oldest_wait_seconds", _VISIT, "Now less the earliest join of those waiting; absent when nobody waits"),
    _gauge("ledger_residual", _VISIT, "Our waiting less the PBX's own count, after a grace; must be 0"),
    _histogram("caller_rings", _VISIT, "Rings from the first phone's ringing to the answer", RING_BUCKETS),
    _histogram("agent_rings", _VISIT, "Rings of one agent's phone that rang, however that ended", RING_BUCKETS),
    _histogram("talk_seconds", _VISIT, "Talk of an answered visit, holds included", TALK_BUCKETS),
    _gauge("agents", ("pbx", "queue", "state"), "Agents of a queue by what they can do now"),
    _gauge("lines", ("pbx", "line", "state"), "1 for what the phone of a line is doing, as far as calls tell"),
    _standing("standard_value", "Measure over the calls that ended in the window; no queue: branch, no branch: all"),
    _standing("standard_target", "What the standard asks of the measure"),
    _standing("standard_met", "1 while the standard is kept; absent without calls, or while not all of them are known"),
    _standing("standard_calls", "Calls that the value is made of"),
    _counter("standard_dropped_total", (), "Calls told too late, or too early, for any window to count", scraped=True),
    _gauge(
        "business_open", ("branch", "queue", "kind"), "1 while somebody should be there, else 0; absent without hours"
    ),
    _gauge(
        "business_calendar_known_days", ("hours",), "Days, today included, whose public holidays are known to the hours"
    ),
    _counter("cases_opened_total", ("kind",), "Cases opened; kind as at opening"),
    _gauge("cases_open", ("kind",), "Cases that people work on: recorded and not closed"),
    _gauge("cases_overdue", ("kind",), "Cases of which something was due before now"),
    _gauge("callbacks_open", (), "Numbers that have to be called back"),
    _gauge("callbacks_overdue", (), "Of these, those that should have been by now"),
    _gauge("casework_waiting", (), "Saved states of calls at which casework has not looked yet"),
    _counter("casework_refused_total", (), "Calls that casework could not take, told in the log", scraped=True),
    _gauge("webhook_waiting", ("webhook",), "Events that a receiver has still to be told; absent while not known"),
    _gauge("webhook_parked", ("webhook",), "Events that wait for a person: threerings webhooks retry"),
    _gauge("webhook_oldest_seconds", ("webhook",), "Age of the oldest event that waits; 0 when none does"),
    _counter(
        "webhook_attempts_total",
        ("webhook", "result"),
        "Attempts to tell an event: delivered, again, parked",
        scraped=True,
    ),
    _counter("webhook_dropped_total", ("webhook",), "Events never told: too many waited, or too old", scraped=True),
    _gauge("ami_connected", ("pbx",), "1 while we hear the PBX"),
    _gauge("ami_last_event_age_seconds", ("pbx",), "Since the last message of the PBX; absent before the first"),
    _counter("ami_gap_seconds_total", ("pbx",), "Time during which we did not hear the PBX", scraped=True),
    _counter("ami_events_total", ("pbx",), "Messages read from the PBX", scraped=True),
    _counter(
        "ami_quarantined_total", ("pbx",), "Messages that were not acted upon because they may be forged", scraped=True
    ),
    _gauge("ami_read_stall_seconds", ("pbx",), "Longest time that the line was not read since the last scrape"),
    _counter(
        "irregular_facts_total", ("pbx", "what"), "Facts that no rule allows where they came; they changed nothing"
    ),
    _counter("queuelog_lines_total", ("pbx",), "Lines read from queue_log", scraped=True),
    _counter("queuelog_quarantined_total", ("pbx",), "Lines of queue_log outside the grammar", scraped=True),
    _counter("queuelog_gaps_total", ("pbx",), "How often lines of queue_log are missing, or may be", scraped=True),
    _gauge("queuelog_shipped_age_seconds", ("pbx",), "Since the sender of queue_log was heard; absent if it never was"),
    _counter("agi_requests_total", _AGI, "Requests of PBXs and how they ended"),
    _histogram("agi_seconds", _AGI, "From connection to the end of the request", AGI_BUCKETS),
    _counter(
        "agi_claims_total", ("pbx", "result"), "Cases named to a PBX, by when AMI had its channel: known, early, unseen"
    ),
    _gauge("agi_listening", (), "1 while PBXs can ask"),
    _gauge("agi_conversations", (), "Scripts in conversation with a caller"),
    _gauge("agi_hosts", ("state",), "Processes that run scripts"),
    _counter("agi_hosts_replaced_total", ("reason",), "Processes that had to be replaced", scraped=True),
    _gauge("screens_connected", (), "Screens of agents that are signed in"),
    _histogram("screenpop_seconds", (), "From the phone's ringing to the screen's word that it shows it", POP_BUCKETS),
    _counter("screenpop_dropped_total", ("reason",), "Pops that no screen said it shows"),
    _counter("desk_actions_total", ("pbx", "action", "result"), "What agents asked of a PBX at their desks"),
    _gauge("walls_connected", (), "Screens on walls that are open"),
    _counter(
        "walls_closed_total", ("reason",), "Screens on walls that went away, or were closed: they read too slowly"
    ),
    _gauge("journal_up", ("pbx",), "1 while what is read of the PBX is kept on disk"),
    _gauge("journal_bytes", ("pbx",), "Bytes of the journal on disk"),
    _gauge("journal_oldest_unsaved_seconds", ("pbx",), "Age of the oldest record that is not on disk; 0 when all are"),
    _counter("journal_dropped_total", ("pbx",), "Records that could not be kept", scraped=True),
    _gauge("database_up", (), "1 when the last attempt to write or ask worked"),
    _gauge("saver_lag_seconds", (), "Age of the oldest state that is not durable; 0 without backlog"),
    _gauge("saver_backlog", (), "Calls with a state that is not durable"),
    _counter("saver_dropped_total", (), "States given up because too many calls waited for the database", scraped=True),
    _counter("calls_forgotten_total", (), "Calls deleted because their time, database.keep_days, was over"),
    _counter("saver_refused_total", (), "Calls that the database refuses for ever", scraped=True),
    _counter("saver_foreign_total", (), "States not saved: the call was left open by an earlier process", scraped=True),
)
STANDARD = tuple(metric for metric in CATALOGUE if metric.standing)
