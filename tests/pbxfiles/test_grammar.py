"""One line of Asterisk's configuration format. What Asterisk makes of it was asked of a real one (GetConfig, 22.10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.pbxfiles.grammar import (
    MAX_NESTED,
    Directive,
    Header,
    Refusal,
    Setting,
    is_true,
    outside_comments,
    parse,
)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("a=1", "a=1"),
        ("  a = 1\t\r", "a = 1"),
        ("; all of it", ""),
        ("a=1 ; the rest", "a=1"),
        (r"a = semi\;colon ; x", "a = semi;colon"),
        (r"a\\;b", r"a\;b"),
        ("a = ;-- within --; after", "a =  after"),
        ("a=1;--x--;2", "a=12"),
        (";---- no block", ""),
        ("a=1;---x", "a=1"),
        ("a=1 ;--;2", "a=1"),
        ("", ""),
    ],
)
def test_what_is_no_comment_is_kept(line: str, text: str) -> None:
    kept, depth = outside_comments(line, 0)
    assert kept == text
    assert depth == (1 if line.endswith(";--;2") else 0)


@pytest.mark.parametrize(
    ("line", "before", "text", "after"),
    [
        ("hidden", 1, "", 1),
        ("hidden ; too", 1, "", 1),
        ("deeper ;-- still", 1, "", 2),
        ("up again --; still", 2, "", 1),
        ("--; shown", 1, "shown", 0),
        ("--; shown ; but not this", 1, "shown", 0),
        ("a --; stray", 0, "a --; stray", -1),
        ("hidden for ever", -1, "", -1),
        (";-- as good as nothing", -1, "", 0),
        (";-- and a comment ; in it", -1, "", 0),
        (";--" * (MAX_NESTED + 2), 0, "", MAX_NESTED),
    ],
)
def test_blocks_go_on_over_lines(line: str, before: int, text: str, after: int) -> None:
    assert outside_comments(line, before) == (text, after)


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        ("[general]", Header("general")),
        ("[a b] junk", Header("a b")),
        ("[base](!)", Header("base", template=True)),
        ("[one](+)", Header("one", appends=True)),
        ("[one](+type=endpoint)", Header("one", appends=True)),
        ("[one](!,a,b)", Header("one", template=True, bases=("a", "b"))),
        ("[open", Refusal("no closing ']'", fatal=True)),
        ("[open](x", Refusal("no closing ')'", fatal=True)),
        ('#include "a b.conf"', Directive("include", "a b.conf")),
        ("#INCLUDE <a.conf>", Directive("include", "a.conf")),
        ("#tryinclude\ta.conf", Directive("tryinclude", "a.conf")),
        ('#include "a.conf', Directive("include", '"a.conf')),
        ("#exec /bin/x", Directive("exec", "/bin/x")),
        ("#include", Refusal("#include names nothing", fatal=False)),
        ("#includes x", Refusal("unknown directive #inc…", fatal=False)),
        ("#secret=hushleak", Refusal("unknown directive #sec…", fatal=False)),
        ("#a=hushleak", Refusal("unknown directive #a…", fatal=False)),
        ("#if", Refusal("unknown directive #if", fatal=False)),
        ("a=1", Setting("a", "1")),
        ("a => b=c", Setting("a", "b=c")),
        ("a = = b", Setting("a", "= b")),
        ("a = > b", Setting("a", "> b")),
        ("a += b", Setting("a", " b", adds=True)),
        ("a + = b", Setting("a +", "b")),
        (r"\[a = b", Setting("[a", "b")),
        (r"\#a=b", Setting("#a", "b")),
        (r"\==b", Setting("=", "b")),
        ("+=4", Refusal("no name before '='", fatal=False)),
        ("= b", Refusal("no name before '='", fatal=False)),
        ("key", Refusal("no '='", fatal=False)),
        ("\\", Refusal("a backslash before nothing", fatal=True)),
        ("\\ a=b", Refusal("a backslash before nothing", fatal=True)),
    ],
)
def test_a_line_is_a_header_a_directive_a_setting_or_refused(line: str, parsed: object) -> None:
    assert parse(line) == parsed


def test_yes_is_said_in_six_ways() -> None:
    assert all(is_true(word) for word in ("yes", "TRUE", " y ", "t", "1", "on"))
    assert not any(is_true(word) for word in ("no", "", "2", "yess", "ja"))


@given(st.text(), st.integers(-1, 3))
def test_whatever_a_line_holds_nothing_breaks(line: str, depth: int) -> None:
    text, after = outside_comments(line, depth)
    assert after >= -1 - line.count("--;")
    if text:
        parse(text)
