"""What a PBX said, what we heard of it, and what we made of it, in lines that a person can read."""

from collections.abc import Iterator

from tests.simulation.harness import Run
from tests.simulation.story import SECOND
from tests.simulation.world import BEGAN

SHOWN = (
    "Queue", "Position", "DialStatus", "UserEvent", "Result", "Cause", "MemberName", "BridgeUniqueid", "SwapUniqueid",
)  # fmt: skip
NOISE = frozenset({"QueueMemberStatus", "LocalBridge"})


def timeline(run: Run) -> Iterator[str]:
    """Line by line, in the order of time."""
    lines = [(at, line) for at, line in said(run)] + [
        (at, f"  queue_log {raw.decode()}") for at, raw in run.world.logged
    ]
    for deaf in run.deaf[1:]:
        lines += [(deaf.at, "--- nothing is heard any more"), (deaf.until, "--- heard again")]
    for at, line in sorted(lines, key=lambda one: one[0]):
        yield f"{(at - BEGAN) / SECOND:11.6f}  {line}"
    for call, visit in run.world.truth.visits():
        yield (
            f"truth:   {call.uniqueid} {visit.kind} {visit.queue} {visit.outcome} wait {visit.wait / SECOND:.6f} "
            f"agent {visit.agent} rings {visit.caller_rings}"
        )
    for record in sorted(run.disk.database.kept.values(), key=lambda one: one.arrived_at):
        for found in record.visits:
            yield (
                f"product: {record.uniqueid} {found.kind.value} {found.queue} {found.outcome} wait "
                f"{found.wait and found.wait.total_seconds()} agent {found.agent} rings {found.caller_rings} "
                f"{found.quality.value}: {found.reason}"
            )


def said(run: Run) -> Iterator[tuple[int, str]]:
    """The events, without their noise."""
    for stamp, raw in run.world.said:
        headers = dict(line.split(": ", 1) for line in raw.decode().split("\r\n") if line)
        if headers["Event"] in NOISE:
            continue
        who = headers.get("Channel") or headers.get("ParkeeChannel") or headers.get("TransfererChannel") or ""
        to = f" -> {headers['DestChannel']}" if "DestChannel" in headers else ""
        more = " ".join(f"{name}={headers[name][:12]}" for name in SHOWN if name in headers)
        yield stamp, f"{headers['Event']} {who}{to} {more}"
