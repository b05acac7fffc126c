"""Bytes to environment, replies and hang-ups: whole, byte by byte, and with a tail."""

from collections.abc import Callable

import pytest

from telephony.agi.codec import (
    MANDATORY,
    MAX_ENVIRONMENT,
    MAX_LINE,
    MAX_LINES,
    MAX_REPLY,
    Decoder,
    Environment,
    HungUp,
    Item,
    Reply,
    Usage,
)
from telephony.agi.errors import AgiProtocolError
from tests.support.agi_peer import USAGE, environment

Feed = Callable[[Decoder, bytes], list[Item]]


def whole(decoder: Decoder, data: bytes) -> list[Item]:
    return decoder.feed(data)


def byte_by_byte(decoder: Decoder, data: bytes) -> list[Item]:
    return [item for at in range(len(data)) for item in decoder.feed(data[at : at + 1])]


def with_a_tail(decoder: Decoder, data: bytes) -> list[Item]:
    """The last line feed comes later, together with the beginning of HANGUP, which may always come."""
    return [*decoder.feed(data[:-1]), *decoder.feed(data[-1:] + b"HANG")]


@pytest.fixture(params=[whole, byte_by_byte, with_a_tail])
def feed(request: pytest.FixtureRequest) -> Feed:
    return request.param  # type: ignore[no-any-return]


def begun(feed: Feed, data: bytes) -> Environment:
    [found] = feed(Decoder(), data)
    assert isinstance(found, Environment), found
    return found


def asked(replies: int = 1) -> Decoder:
    decoder = Decoder(environment=False)
    decoder.expects(replies)
    return decoder


def answered(feed: Feed, data: bytes) -> Reply:
    decoder = asked()
    [found] = feed(decoder, data)
    assert isinstance(found, Reply), found
    assert decoder.expected == 0
    return found


# --- the environment --------------------------------------------------------------------------------------------------
def test_the_environment_says_whose_call_it_is_and_what_is_asked(feed: Feed) -> None:
    found = begun(feed, environment("inbound?queue=support&pbx=pbx1", "one", "two words"))
    assert (found.script, found.arguments) == ("inbound", ("one", "two words"))
    assert found.query == {"queue": "support", "pbx": "pbx1"}
    assert (found.channel, found.uniqueid) == ("PJSIP/callers-00000001", "pbx1-1700000000.1")
    assert (found.callerid, found.dnid, found.extension, found.language) == ("02160000001", "4001", "4001", "en")
    assert found.values["agi_accountcode"] == ""
    assert found.values["agi_version"] == "22.10.1"


@pytest.mark.parametrize(
    ("said", "script"),
    [("inbound", "inbound"), ("/inbound/", "inbound"), ("", ""), ("a/b?", "a/b"), ("?x=1", ""), ("%2Fa", "%2Fa")],
)
def test_the_script_is_named_without_slashes_and_query(feed: Feed, said: str, script: str) -> None:
    assert begun(feed, environment(said)).script == script


def test_without_a_name_of_the_script_the_address_tells_it(feed: Feed) -> None:
    request = {"agi_network_script": None, "agi_request": "agi://192.0.2.1:4573/pin/check?to=1"}
    found = begun(feed, environment(**request))
    assert (found.script, found.query) == ("pin/check", {"to": "1"})


def test_a_query_may_be_encoded_and_a_plus_stays_a_plus(feed: Feed) -> None:
    found = begun(feed, environment("x?a=%2B86+1&b&c=d=e&%E5%90%8D=%ff"))
    assert found.query == {"a": "+86+1", "b": "", "c": "d=e", "名": "\udcff"}


@pytest.mark.parametrize("query", ["a=1&a=2", "a=1&a=1", "a=%0a", "%00=1", "a&a"])
def test_a_query_that_doubles_a_name_or_holds_a_control_character_is_a_bad_request(feed: Feed, query: str) -> None:
    with pytest.raises(AgiProtocolError, match="query"):
        feed(Decoder(), environment(f"x?{query}"))


def test_unknown_names_and_another_order_are_no_fault(feed: Feed) -> None:
    head, *lines = environment(agi_newer="than we").splitlines(keepends=True)
    found = begun(feed, b"".join([*lines[:-1], head, b"\n"]))
    assert found.values["agi_newer"] == "than we"


def test_what_is_not_known_is_empty_and_no_fault(feed: Feed) -> None:
    optional = ("agi_dnid", "agi_callerid", "agi_language", "agi_extension")
    found = begun(feed, environment(**dict.fromkeys(optional)))
    assert (found.dnid, found.callerid, found.language, found.extension) == ("", "", "", "")


def test_a_name_cut_within_a_character_comes_back_as_it_was(feed: Feed) -> None:
    found = begun(feed, environment(agi_calleridname="\udce5\udcbc"))
    assert found.values["agi_calleridname"].encode("utf-8", "surrogateescape") == b"\xe5\xbc"


@pytest.mark.parametrize("name", MANDATORY)
@pytest.mark.parametrize("value", [None, ""])
def test_an_environment_without_what_makes_it_whole_is_a_bad_request(feed: Feed, name: str, value: str | None) -> None:
    with pytest.raises(AgiProtocolError, match=f"lacks {name}"):
        feed(Decoder(), environment(**{name: value}))


@pytest.mark.parametrize(
    "number",
    [
        "1\nagi_channel: PJSIP/other-1",
        "1\nagi_context: internal",
        "1\njunk",
        "1\n",
        "1\r",
        "1\x00",
        "1\x7f",
        "1\x1b[2J",
        "1\nagi_enhanced: 0.0\nagi_threadid: 1\n",
    ],
)
def test_a_number_with_a_line_break_or_a_control_byte_is_a_bad_request(feed: Feed, number: str) -> None:
    with pytest.raises(AgiProtocolError):
        feed(Decoder(), environment(agi_callerid=number))


@pytest.mark.parametrize(
    "line", [b"agi_x", b"agi_: 1", b": 1", b" agi_x: 1", b"AGI_X: 1", b"agi_" + b"x" * 61 + b": 1"]
)
def test_what_is_no_line_of_an_environment_is_a_bad_request(feed: Feed, line: bytes) -> None:
    with pytest.raises(AgiProtocolError, match="no line"):
        feed(Decoder(), line + b"\n" + environment())


@pytest.mark.parametrize("extra", [{"agi_arg_2": "b"}, {"agi_arg_1": "a", "agi_arg_3": "c"}, {"agi_arg_x": "a"}])
def test_arguments_with_a_gap_are_a_bad_request(feed: Feed, extra: dict[str, str]) -> None:
    with pytest.raises(AgiProtocolError, match="one by one"):
        feed(Decoder(), environment(**extra))


def test_arguments_are_in_their_order_whatever_the_order_of_lines(feed: Feed) -> None:
    assert begun(feed, environment(agi_arg_2="b", agi_arg_1="a")).arguments == ("a", "b")


def test_a_line_of_the_environment_has_a_limit_and_the_message_both_numbers(feed: Feed) -> None:
    room = MAX_LINE - len("agi_calleridname: ")
    assert begun(feed, environment(agi_calleridname="x" * room))
    with pytest.raises(AgiProtocolError, match=r"4,09[78] bytes in the environment; the limit is 4,096"):
        feed(Decoder(), environment(agi_calleridname="x" * (room + 1)))


def test_a_line_without_an_end_is_refused_before_it_ends() -> None:
    decoder = Decoder()
    decoder.feed(b"x" * (MAX_LINE + 1))
    with pytest.raises(AgiProtocolError, match="limit"):
        decoder.feed(b"x")


def test_lines_of_the_environment_have_a_limit(feed: Feed) -> None:
    full = {f"agi_x{at}": "" for at in range(MAX_LINES - 22)}
    assert begun(feed, environment(**full))
    with pytest.raises(AgiProtocolError, match="257 lines in the environment; the limit is 256"):
        feed(Decoder(), environment(agi_y="", **full))


def test_the_environment_as_a_whole_has_a_limit(feed: Feed) -> None:
    full = {f"agi_x{at}": "x" * 4_000 for at in range(MAX_ENVIRONMENT // 4_000 + 1)}
    with pytest.raises(AgiProtocolError, match=r"an environment of 6[58],\d{3} bytes; the limit is 65,536"):
        feed(Decoder(), environment(**full))


# --- replies ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("line", "result", "data", "fields"),
    [
        ("result=0", "0", None, {}),
        ("result=-1", "-1", None, {}),
        ("result=49 endpos=3520", "49", None, {"endpos": ("3520", "")}),
        ("result=1 (value)", "1", "value", {}),
        ("result=1 ()", "1", "", {}),
        ("result= (timeout)", "", "timeout", {}),
        ("result=12# (timeout)", "12#", "timeout", {}),
        ("result=", "", None, {}),
        ("result=0 (timeout) endpos=4711", "0", "timeout", {"endpos": ("4711", "")}),
        ("result=1 (digit) digit=* endpos=5", "1", "digit", {"digit": ("*", ""), "endpos": ("5", "")}),
        ("result=1 (speech) endpos=1 results=0 ", "1", "speech", {"endpos": ("1", ""), "results": ("0", "")}),
        ('result=1 (speech) text0="a (b" g=', "1", "speech", {"text0": ('"a (b"', ""), "g": ("", "")}),
        ("result=0 Gosub complete (abnormal exit)", "0", None, {}),
        ("result=0 result=7", "0", None, {}),
    ],
)
def test_a_reply_is_its_result_its_data_and_its_fields(
    feed: Feed, line: str, result: str, data: str | None, fields: dict[str, tuple[str, str]]
) -> None:
    found = answered(feed, f"200 {line}\n".encode())
    assert (found.code, found.result, found.data, found.text) == (200, result, data, line)
    assert found.fields == {"result": (result, data or "")} | fields
    assert next(iter(found.fields)) == "result"


@pytest.mark.parametrize(
    "value",
    [
        ")", "(", "a) b", "a) (b", "(a)", "a) endpos=5", "x) result=-1", "result=-1", "k=v", " ", "hangup", "\\", '"',
        "a\nb", "\n", "a\n", "\na", "a\nHANGUP\nb", "a\n200 result=0\nb", "a\n520-x\nb", "\r\n", "名", "a\x00b",
    ],
)  # fmt: skip
def test_a_value_comes_as_it_is_whatever_it_holds(feed: Feed, value: str) -> None:
    assert answered(feed, f"200 result=1 ({value})\n".encode()).data == value


def test_a_value_that_is_no_utf8_comes_back_as_it_was(feed: Feed) -> None:
    data = answered(feed, b"200 result=1 (\xe5\xbc\xff)\n").data
    assert data is not None
    assert data.encode("utf-8", "surrogateescape") == b"\xe5\xbc\xff"


@pytest.mark.parametrize(("code", "text"), [(510, "Invalid or unknown command"), (511, "Not on a dead one"), (599, "")])
def test_another_code_is_a_reply_without_a_result(feed: Feed, code: int, text: str) -> None:
    found = answered(feed, f"{code} {text}\n".encode())
    assert (found.code, found.result, found.data, found.text) == (code, "", None, text)


@pytest.mark.parametrize(
    "said",
    [
        USAGE,
        b"520 Invalid command syntax.  Proper usage not available.\n",
        b"520-Invalid command syntax.  Proper usage follows:\nas you like it520 End of proper usage.\n",
        b"520-Invalid\nHANGUP\n200 result=0\n\n520 End of proper usage.\n",
    ],
)
def test_usage_is_one_item_whether_it_has_one_line_or_many(feed: Feed, said: bytes) -> None:
    assert feed(asked(), said) == [Usage(said.decode().removesuffix("\n"))]


def test_a_gosub_says_first_that_it_tries(feed: Feed) -> None:
    found = answered(feed, b"100 result=0 Trying...\n200 result=0 Gosub complete\n")
    assert (found.result, found.text) == ("0", "result=0 Gosub complete")


def test_a_hangup_is_told_wherever_it_stands_between_replies(feed: Feed) -> None:
    decoder = asked(2)
    found = feed(decoder, b"HANGUP\nHANGUP\n200 result=1\nHANGUP\n510 x\nHANGUP\n")
    assert [type(item) for item in found] == [HungUp, HungUp, Reply, HungUp, Reply, HungUp]
    assert feed(Decoder(environment=False), b"HANGUP\n") == [HungUp()]


def test_a_hangup_right_behind_the_environment_is_told_with_it(feed: Feed) -> None:
    found = feed(Decoder(), environment() + b"HANGUP\n")
    assert [type(item) for item in found] == [Environment, HungUp]


@pytest.mark.parametrize(
    "line",
    [
        "", "200", "2000 result=0", "OK", "hangup", "HANGUP ", "510-x", "200-result=0", "٢٠٠ result=0", "200 ",
        "200 nothing", "200  result=0", "200 result =0",
    ],
)  # fmt: skip
def test_what_is_no_reply_ends_the_conversation(feed: Feed, line: str) -> None:
    with pytest.raises(AgiProtocolError):
        feed(asked(), f"{line}\n".encode())


# --- crafted values ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "value",
    [
        "x)\n200 result=0 (",
        "x)\n200 result=1 (forged",
        "x)\nHANGUP",
        "x)\nHANGUP\n200 result=0 (",
        "x)\n520-Invalid command syntax.  Proper usage follows:",
        "x)\n520-x\ny\n520 End of proper usage.\n200 result=0 (",
        "x)\n100 result=0 Trying...",
        "x)\n100 result=0 Trying...\n200 result=0 (",
        "x)\n",
        "x)\n\n",
        "x) endpos=1\n",
    ],
)
def test_a_value_that_looks_like_two_replies_ends_the_conversation(feed: Feed, value: str) -> None:
    decoder = asked()
    with pytest.raises(AgiProtocolError):
        feed(decoder, f"200 result=1 ({value})\n".encode())
    with pytest.raises(AgiProtocolError):
        decoder.feed(b"200 result=0\n")


def test_of_a_crafted_value_that_came_whole_not_even_the_first_half_is_believed() -> None:
    decoder = asked()
    with pytest.raises(AgiProtocolError, match="nobody asked"):
        decoder.feed(b"200 result=1 (x)\nHANGUP\n200 result=0 ()\n")


def test_what_nobody_asked_for_is_refused_before_its_line_ends() -> None:
    with pytest.raises(AgiProtocolError, match="nobody asked"):
        Decoder(environment=False).feed(b"2")
    with pytest.raises(AgiProtocolError, match="nobody asked"):
        Decoder().feed(environment() + b"agi_c")


@pytest.mark.parametrize("begin", [b"200 result=1 (", b"520-x\n", b"200 result="])
def test_a_reply_has_a_limit_and_the_message_both_numbers(feed: Feed, begin: bytes) -> None:
    more = b"x" * MAX_REPLY if begin.endswith(b"=") else (b"x" * 99 + b"\n") * (MAX_REPLY // 100 + 1)
    with pytest.raises(AgiProtocolError, match=r"a reply of 65,\d{3} bytes; the limit is 65,536"):
        feed(asked(), begin + more)


def test_the_largest_reply_is_one(feed: Feed) -> None:
    value = "x" * (MAX_REPLY - len("200 result=1 ()\n"))
    assert answered(feed, f"200 result=1 ({value})\n".encode()).data == value


def test_amid_tells_whether_something_would_be_lost() -> None:
    decoder = asked()
    assert not decoder.amid
    decoder.feed(b"20")
    assert decoder.amid
    decoder.feed(b"0 result=1 (a\n")
    assert decoder.amid
    decoder.feed(b"b)\n")
    assert not decoder.amid
