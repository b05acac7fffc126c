"""One channel of the model, with what it was at every instant."""

from bisect import bisect_right

from tests.simulation.story import SECOND
from tests.simulation.wire import STATES, Headers

UNKNOWN = "<unknown>"


class Channel:
    """A channel.

    Attributes:
        device: what stands before the suffix of its name.
        born, died: stamps; None: lives.
    """

    def __init__(
        self,
        device: str,
        suffix: str,
        uniqueid: str,
        *,
        linkedid: str = "",
        number: str = UNKNOWN,
        name: str = UNKNOWN,
        context: str = "from-phones",
        exten: str = "s",
        state: int = 0,
    ) -> None:
        self.device, self.name = device, f"{device}-{suffix}"
        self.uniqueid, self.linkedid = uniqueid, linkedid or uniqueid
        self.number, self.caller_name, self.line, self.line_name = number, name, UNKNOWN, UNKNOWN
        self.context, self.exten, self.state = context, exten, state
        self.born: int | None = None
        self.died: int | None = None
        self.bridge = ""
        self.history: list[tuple[int, int, str, str, str]] = []
        self.application = self.data = ""

    def note(self, at: int) -> None:
        """Its state is this from now on."""
        if self.born is None:
            self.born = at
        self.history.append((at, self.state, self.bridge, self.application, self.data))

    def headers(self, prefix: str = "") -> Headers:
        """The fourteen headers of every event."""
        values = (
            ("Channel", self.name), ("ChannelState", str(self.state)), ("ChannelStateDesc", STATES[self.state]),
            ("CallerIDNum", self.number), ("CallerIDName", self.caller_name), ("ConnectedLineNum", self.line),
            ("ConnectedLineName", self.line_name), ("Language", "en"), ("AccountCode", ""), ("Context", self.context),
            ("Exten", self.exten), ("Priority", "2"), ("Uniqueid", self.uniqueid), ("Linkedid", self.linkedid),
        )  # fmt: skip
        return [(prefix + name, value) for name, value in values]

    def lives(self, at: int) -> bool:
        """Whether it did then."""
        return self.born is not None and self.born <= at and (self.died is None or at < self.died)

    def listed(self, at: int) -> Headers:
        """As CoreShowChannels told of it then."""
        _, state, bridge, application, data = self.history[bisect_right(self.history, at, key=lambda one: one[0]) - 1]
        now, self.state = self.state, state
        headers = self.headers()
        self.state = now
        lived = (at - (self.born or at)) // SECOND
        data = "(Outgoing Line)" if application.startswith("App") else data
        return [
            ("Event", "CoreShowChannel"), *headers, ("Application", application), ("ApplicationData", data),
            ("Duration", f"{lived // 3600:02d}:{lived // 60 % 60:02d}:{lived % 60:02d}"), ("BridgeId", bridge),
        ]  # fmt: skip
