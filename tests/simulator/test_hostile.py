"""A caller whose number breaks out of its line, and whose name is a trap: as the recording `hostile` has it."""

from telephony.calls.record import Outcome
from telephony.simulator.people import Caller
from tests.simulator.bench import Played, Story, play
from tests.simulator.conversation import Said, conversation
from tests.simulator.following import follow
from tests.simulator.stories import RINGS, agent
from tests.support.replay import RECORDINGS, replay

NUMBER = "0216\r\n\r\nEvent: Hangup\r\nUniqueid: pbx1-1.1"
NAME = 'Robert\\"; <sip:x@y> 王小明 \\\\r\\\\nEvent: Hangup'


def hostile() -> Played:
    caller = Caller(number=NUMBER, name=NAME, dials="4001", hangs_up_after=2)
    return play(Story(((0, caller),), (agent("1001", RINGS, serves="support"),)))


def readable(raw: bytes, log: str) -> list[Said]:
    """From the moment at which the dialplan has cleaned the number."""
    return conversation(raw[raw.index(b"Event: NewCallerid") :], log)


def test_once_the_number_is_cleaned_the_conversation_is_the_recorded_one() -> None:
    played, folder = hostile(), RECORDINGS / "hostile"
    ours = readable(played.ami, "\n".join(line for _, line in played.log))
    theirs = readable((folder / "ami.bin").read_bytes(), (folder / "queue_log").read_text())
    assert sorted((one.event, one.headers) for one in ours) == sorted((one.event, one.headers) for one in theirs)


def test_the_same_is_put_aside_and_the_same_is_made_of_the_rest() -> None:
    followed, recorded = follow(hostile()), replay("hostile")
    assert len(followed.quarantined) == len(recorded.quarantined) == 2
    (call,), (known,) = followed.calls, recorded.calls
    assert (call.caller, call.caller_name) == (known.caller, known.caller_name)
    assert [visit.outcome for visit in call.visits] == [Outcome.ABANDONED]
