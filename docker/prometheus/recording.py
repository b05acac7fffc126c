# ruff: noqa: INP001 - a program of its own, in no package
"""`python docker/prometheus/recording.py`: writes the recording rules, which stand in `rules` beside this.

Written out, they are two hundred times the same; here each measure stands once. A test holds the files against this.
The formulas are those of docs/definitions.md. A ratio of a group comes from sums, and without calls there is none.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

WINDOWS = {"5m": "15s", "15m": "15s", "1h": "30s", "1d": "2m"}
"""How far back, and how often it is looked."""
LEVELS = {"queue": "branch, queue", "branch": "branch", "pbx": "pbx"}
"""By what the ratios are made; `queue` is a queue or a line, over all PBXs."""
FINEST = "pbx, branch, queue"
SEEN_THROUGH = 'outcome=~"answered|gave_up"'


def counted(name: str) -> str:
    """The name of one of our counters of calls."""
    return f"calls_{name}_total"


COUNTS = {
    "judged": (counted("sought"), counted("short")),
    "gave_up": (counted("gave_up"), counted("short")),
    "unanswered": (counted("unanswered"), counted("short")),
    "sought": (counted("sought"),),
    "answered": (counted("answered"),),
    "alerted": (counted("alerted"),),
    "within_three_rings": (counted("within_three_rings"),),
    "in_target": (counted("answered_in_target"),),
    "answered_20s": ('call_wait_seconds_bucket{outcome="answered", le="20.0"}',),
    "gave_up_20s": ('call_wait_seconds_bucket{outcome="gave_up", le="20.0"}',),
    "waits": (f"call_wait_seconds_count{{{SEEN_THROUGH}}}",),
    "waited_seconds": (f"call_wait_seconds_sum{{{SEEN_THROUGH}}}",),
    "answered_waits": ('call_wait_seconds_count{outcome="answered"}',),
    "answered_waited_seconds": ('call_wait_seconds_sum{outcome="answered"}',),
}
"""What is counted, and of which counters: the first, less the second. Shorts are out of both sides of a rate."""

STANDARD = {
    "abandonment": ("ratio", "gave_up", "judged"),
    "unanswered": ("ratio", "unanswered", "judged"),
    "mean_wait_seconds": ("mean", "waited_seconds", "waits"),
    "asa_seconds": ("mean", "answered_waited_seconds", "answered_waits"),
    "within_three_rings": ("ratio", "within_three_rings", "alerted"),
}
SERVICE_LEVELS = {
    # With each queue's own service_level_seconds; of all who sought, and of those answered.
    "service_level": ("ratio", "in_target", "judged"),
    "service_level_answered_only": ("ratio", "in_target", "answered"),
    # With 20 s for all. Who gave up within 20 s: as missed, as served, or as if he had not called.
    "service_level_20s": ("ratio", "answered_20s", "judged"),
    "service_level_20s_answered_only": ("ratio", "answered_20s", "answered"),
    "service_level_20s_abandon_ok": ("ratio", "answered_20s + gave_up_20s", "sought"),
    "service_level_20s_abandon_ignored": ("ratio", "answered_20s", "sought - gave_up_20s"),
}
SHOWN = ("judged", "waits", "alerted")
"""Counts of which it is also said how many there are in each group: how much a ratio is worth."""
Ratios = Mapping[str, tuple[str, str, str]]
"""How it is called, and its two sides."""
LIMITS = {"abandonment": 0.10, "unanswered": 0.10, "mean_wait": 30, "within_three_rings": 0.90}
"""What the standard asks, where the service does not say."""


def finest(count: str, window: str) -> str:
    """The name of a count."""
    return f"pbx_queue:telephony_calls_{count}:increase{window}"


def summed(counts: str, by: str, window: str) -> str:
    """Counts, joined by signs, over a group."""
    words = (word if word in "+-" else f"sum by ({by}) ({finest(word, window)})" for word in counts.split())
    return " ".join(words)


def needed(ratios: Ratios, shown: Collection[str]) -> list[str]:
    """The counts that these rest on."""
    sides = {word for _, part, whole in ratios.values() for word in f"{part} {whole}".split()} | {*shown}
    return [count for count in COUNTS if count in sides]


def rules(window: str, counts: Collection[str], shown: Collection[str], ratios: Ratios) -> Iterator[tuple[str, str]]:
    """Name and expression of each rule of one window, in an order in which none needs a later one."""
    for count in counts:
        grown = [f"sum by ({FINEST}) (increase(telephony_{counter}[{window}]))" for counter in COUNTS[count]]
        yield finest(count, window), " - ".join(grown)
    for level, by in LEVELS.items():
        for count in shown:
            yield f"{level}:telephony_calls_{count}:increase{window}", summed(count, by, window)
        for measure, (how, part, whole) in ratios.items():
            expression = f"({summed(part, by, window)}) / (({summed(whole, by, window)}) > 0)"
            yield f"{level}:telephony_{measure}:{how}{window}", expression


def file(name: str, counts: Collection[str], shown: Collection[str], ratios: Ratios) -> Iterator[str]:
    """A file of rules, line by line."""
    yield "# Made by recording.py beside this folder; change that, not this."
    yield "groups:"
    for window, every in WINDOWS.items():
        yield f"  - name: telephony-{name}-{window}"
        yield f"    interval: {every}"
        yield "    rules:"
        for record, expression in rules(window, counts, shown, ratios):
            yield f"      - record: {record}"
            yield f"        expr: {expression}"


def limits() -> Iterator[str]:
    """What the alarms need beside."""
    yield "# Made by recording.py beside this folder; change that, not this."
    yield "groups:"
    yield "  - name: telephony-limits"
    yield "    rules:"
    for measure, limit in LIMITS.items():
        yield f"      - record: telephony:{measure}:limit"
        yield f'        expr: max(telephony_standard_target{{measure="{measure}"}}) or vector({limit:g})'
    yield "      # Of what branch a queue or line is, for what is counted without it."
    yield "      - record: telephony:queue_branch:info"
    yield "        expr: topk by (pbx, queue) (1, max by (pbx, branch, queue) (telephony_calls_sought_total) * 0 + 1)"


def files() -> dict[str, str]:
    """By name."""
    standard = needed(STANDARD, SHOWN)
    others = [count for count in needed(SERVICE_LEVELS, ()) if count not in standard]
    made = {
        "limits.yml": limits(),
        "recording.yml": file("standard", standard, SHOWN, STANDARD),
        "service-level.yml": file("service-level", others, (), SERVICE_LEVELS),
    }
    return {name: "".join(f"{line}\n" for line in lines) for name, lines in made.items()}


if __name__ == "__main__":
    for name, text in files().items():
        (Path(__file__).parent / "rules" / name).write_text(text, encoding="utf-8")
