"""A call's standard streams, used in the ways scripts use them."""

import codecs
import io

import pytest

from telephony.agi.streams import MAX_LINE, MAX_SAID, CallInput, CallOutput, SaidOutput, Standing


class Talking:
    """A conversation by rote."""

    def __init__(self, *replies: str | None) -> None:
        self.sent: list[str] = []
        self.replies = list(replies)

    def send(self, line: str) -> None:
        if len(line) > MAX_LINE:
            raise ValueError("too long")
        self.sent.append(line)

    def receive(self) -> str | None:
        return self.replies.pop(0) if self.replies else None


def test_the_environment_comes_first_then_an_empty_line_then_the_replies() -> None:
    stdin = CallInput(["agi_a: 1\n", "\n"], Talking("200 result=0", "520-Usage\nline\n520 End"))
    assert list(stdin) == ["agi_a: 1\n", "\n", "200 result=0\n", "520-Usage\n", "line\n", "520 End\n"]
    assert stdin.readline() == ""
    assert stdin.readable()


def test_it_is_read_by_characters_too() -> None:
    stdin = CallInput(["agi_a: 1\n"], Talking("200 result=0"))
    assert (stdin.read(3), stdin.readline(2), stdin.readline(0), stdin.readline(None)) == ("agi", "_a", "", ": 1\n")
    assert stdin.read() == "200 result=0\n"
    assert stdin.readlines() == []


def test_whoever_has_read_the_environment_elsewhere_finds_only_replies() -> None:
    stdin = CallInput(["agi_a: 1\n", "\n"], Talking("200 result=0"))
    stdin.skip_head()
    assert stdin.readline() == "200 result=0\n"


def test_in_bytes_it_says_the_same() -> None:
    stdin = CallInput(["agi_a: \udcff\n"], Talking("200 result=1 (ä)", "200 result=2", "200 result=3"))
    assert stdin.buffer.readline() == b"agi_a: \xff\n"
    assert stdin.buffer.read(5) == b"200 r"
    assert stdin.buffer.readline(None) == "esult=1 (ä)\n".encode()
    assert io.TextIOWrapper(stdin.buffer).readline() == "200 result=2\n"
    assert list(stdin.buffer) == [b"200 result=3\n"]


def test_each_line_that_is_printed_is_a_command() -> None:
    talk = Talking()
    stdout = CallOutput(talk)
    print("VERBOSE", "a b", file=stdout, flush=True)
    stdout.write("AN")
    stdout.writelines(["SWER\nNOOP\n", "HANG"])
    assert talk.sent == ["VERBOSE a b", "ANSWER", "NOOP"]
    stdout.finish()
    stdout.finish()
    assert talk.sent[3:] == ["HANG"]
    assert stdout.writable()


def test_in_bytes_a_command_is_one_too() -> None:
    talk = Talking()
    stdout = CallOutput(talk)
    assert stdout.buffer.write(b"NOOP \xff\n") == 7
    wrapped = codecs.getwriter("utf-8")(stdout.buffer)
    wrapped.write("ANSWER ä\n")
    text = io.TextIOWrapper(stdout.buffer, line_buffering=True)
    text.write("HANGUP\n")
    del text
    assert talk.sent == ["NOOP \udcff", "ANSWER ä", "HANGUP"]


def test_a_line_without_an_end_has_one() -> None:
    talk = Talking()
    stdout = CallOutput(talk)
    with pytest.raises(ValueError, match="too long"):
        stdout.write("x" * (MAX_LINE + 1))
    stdout.write("NOOP\n")
    assert talk.sent == ["NOOP"]


def test_stderr_goes_to_the_log_line_by_line_and_cut() -> None:
    told: list[str] = []
    stderr = SaidOutput(told.append)
    stderr.write("one\n\n  \ntw")
    stderr.write("o\n" + "x" * 10_000)
    stderr.write("y\nrest")
    assert told == ["one", "two", "x" * MAX_SAID + "…"]
    stderr.finish()
    stderr.finish()
    assert told[3:] == ["rest"]
    assert stderr.writable()


def test_closing_one_or_configuring_it_changes_nothing() -> None:
    talk = Talking("200 result=0")
    for stream in (CallInput([], talk), CallOutput(talk), SaidOutput(talk.send)):
        stream.close()
        stream.buffer.close()
        stream.reconfigure(encoding="latin-1", line_buffering=True)
        assert (stream.closed, stream.encoding, stream.isatty()) == (False, "utf-8", False)
        assert stream.buffer.readable() == stream.readable()
        assert stream.buffer.writable() == stream.writable()
        if isinstance(stream, SaidOutput):
            assert stream.fileno() == 2
        else:
            with pytest.raises(OSError, match="fileno: no file number stands for one call"):
                stream.fileno()


def test_what_stands_for_a_stream_asks_each_time_whose() -> None:
    one, two = io.StringIO("1\n1\n"), io.StringIO("2\n")
    now = one
    standing = Standing(lambda: now)
    assert next(standing) == "1\n"
    now = two
    assert list(standing) == ["2\n"]
    with standing as entered:
        entered.write("x")
    standing.mode = "w"
    standing.closed = True  # type: ignore[misc]
    assert two.getvalue().endswith("x")
