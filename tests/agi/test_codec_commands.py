"""Words to command lines, as Asterisk reads them back."""

import pytest

from telephony.agi.codec import MAX_COMMAND, MAX_WORDS, command, one_word, quoted, raw_command
from telephony.agi.errors import AGIUsageError
from tests.support.agi_words import parse_args


@pytest.mark.parametrize(
    "word",
    ["", "a", "two words", 'say "hi"', "back\\slash", "\\", '\\"', '"', "名", "'", "a,b|c", "$(x)", "\udcff"],
)
def test_a_word_is_read_back_as_it_was(word: str) -> None:
    line = command("SET VARIABLE", "NAME", word)
    assert parse_args(line.decode("utf-8", "surrogateescape")) == ["SET", "VARIABLE", "NAME", word]


@pytest.mark.parametrize(("word", "said"), [(1, "1"), (1.5, "1.5"), (True, "True"), (-1, "-1")])
def test_a_number_is_its_text(word: object, said: str) -> None:
    assert quoted(word) == f'"{said}"'


@pytest.mark.parametrize("word", [None, b"x", ["1"], ("1",), {"a": 1}])
def test_what_nobody_means_to_say_is_refused(word: object) -> None:
    with pytest.raises(TypeError, match="text or a number"):
        quoted(word)


@pytest.mark.parametrize("breaking", ["\n", "\r", "\r\n", "\x00", "\t", "\x1b", "\x7f", "\udc0a"])
def test_nothing_that_is_said_begins_another_command(breaking: str) -> None:
    assert command("NOOP", f"a{breaking}HANGUP") == b'NOOP "a' + b" " * len(breaking) + b'HANGUP"\n'
    assert raw_command(f"NOOP a{breaking}HANGUP") == b"NOOP a" + b" " * len(breaking) + b"HANGUP\n"


def test_a_raw_command_is_sent_as_it_was_quoted() -> None:
    assert raw_command('  SAY DIGITS 123 "#"\n') == b'SAY DIGITS 123 "#"\n'


def test_a_command_longer_than_asterisk_reads_is_refused_with_both_numbers() -> None:
    room = MAX_COMMAND - len('VERBOSE ""')
    assert len(command("VERBOSE", "x" * room)) == MAX_COMMAND + 1
    with pytest.raises(AGIUsageError, match=r"a command of 2,047 bytes; Asterisk takes 2,046: 'VERBOSE"):
        command("VERBOSE", "x" * (room + 1))
    with pytest.raises(AGIUsageError, match="2,047"):
        raw_command("x" * (MAX_COMMAND + 1))


def test_it_is_bytes_that_count_and_those_of_escapes() -> None:
    assert command("VERBOSE", "名" * 678)
    with pytest.raises(AGIUsageError, match="2,047"):
        command("VERBOSE", "名" * 679)
    with pytest.raises(AGIUsageError, match="2,048"):
        command("VERBOSE", '"' * 1_019)


def test_more_words_than_asterisk_reads_are_refused_with_both_numbers() -> None:
    assert command("NOOP", *range(MAX_WORDS - 1))
    with pytest.raises(AGIUsageError, match="a command of 127 words; Asterisk takes 126: 'NOOP"):
        command("NOOP", *range(MAX_WORDS))
    with pytest.raises(AGIUsageError, match="127 words"):
        raw_command("w " * (MAX_WORDS + 1))
    assert raw_command("NOOP " + '"w w w"' * MAX_WORDS)


@pytest.mark.parametrize(
    ("text", "one"),
    [
        ("a", True), ('"a b"', True), ('a"b c"d', True), ("a\\ b", True), ('"a\\"b c"', True), ('""', True),
        ("a b", False), ('"a" b', False), ('"a', False), ('a"', False), ('"a b\\"', False), ("", False), ("a\\", False),
    ],
)  # fmt: skip
def test_one_word_is_one_for_asterisk_as_well(text: str, one: bool) -> None:
    assert one_word(text) is one
    if one:
        assert len(parse_args(text)) == 1
