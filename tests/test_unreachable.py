"""Why something cannot be reached."""

import errno
import socket

import pytest

from telephony.unreachable import reason


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"), "connection refused"),
        (OSError(errno.ENETUNREACH, "Connect call failed ('192.0.2.7', 5038)"), "network is unreachable"),
        (TimeoutError(), "no answer in time"),
        (TimeoutError(errno.ETIMEDOUT, "Connect call failed"), "connection timed out"),
        (
            OSError(
                "Multiple exceptions: [Errno 111] Connect call failed ('::1', 1, 0, 0),"
                " [Errno 111] Connect call failed ('127.0.0.1', 1)"
            ),
            "connection refused",
        ),
        (
            OSError("Multiple exceptions: [Errno 101] Connect call failed, [Errno 111] Connect call failed"),
            "network is unreachable and connection refused",
        ),
        (OSError("no more words"), "no more words"),
        (OSError(), "OSError"),
    ],
)
def test_the_reason_is_in_the_systems_words(error: OSError, words: str) -> None:
    assert reason(error) == words


def test_a_name_that_nobody_knows_is_told_as_such() -> None:
    error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    assert reason(error) == "the name is not known: Name or service not known"
