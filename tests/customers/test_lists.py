"""Lists of customers as people have them: however saved, and whatever stands in them."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.customers.columns import NoHeader, columns_of
from telephony.customers.csvtext import (
    MOST_BYTES_OF_LINE,
    Encoding,
    WideText,
    encoding_of,
    first_line,
    records,
    separator_of,
)
from telephony.customers.customer import Details, Line
from telephony.customers.numbers import E164, Numbering
from telephony.customers.rows import Row, Terms, folded, row_of
from telephony.customers.why import Refused, Why

BRANCHES = {"changzhi": "changzhi", folded("长治营业部"): "changzhi", "shanghai": "shanghai"}
TERMS = Terms(Numbering(), BRANCHES, branch="shanghai")


def chunks(body: bytes, size: int = 7) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def read(body: bytes, terms: Terms = TERMS, size: int = 7) -> list[Row | Refused]:
    encoding = encoding_of(chunks(body, size))
    separator = separator_of(first_line(chunks(body, size), encoding))
    rows = records(chunks(body, size), encoding, separator)
    columns = columns_of(next(rows).cells)
    return [row_of(record, columns, terms) for record in rows]


def one(text: str, header: str = "姓名,电话,备注", terms: Terms = TERMS) -> Row | Refused:
    (found,) = read(f"{header}\n{text}\n".encode(), terms)
    return found


LI = Row(2, Details("李雷", "shanghai", note="贵宾"), (Line(E164("+8613800138000")),))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_list_may_be_saved_by_whatever_spreadsheet(separator: str, encoding: str, end: str) -> None:
    body = f"姓名,电话,备注{end or chr(10)}李雷,13800138000,贵宾{end}".replace(",", separator).encode(encoding)
    assert read(body, size=3) == read(body, size=100_000) == [LI]


def test_columns_are_named_in_chinese_or_english_in_any_order() -> None:
    header = "Customer ID, Phone_2 ,手机 1,Full Name,营业部,客户等级,生日,Notes,共用"
    found = one('A-1,02160000001,"138 0013 8000；13900139000",Li Lei,长治营业部,钻石,1990,"a\nb",是', header)
    lines = tuple(Line(E164(n), shared=True) for n in ("+862160000001", "+8613800138000", "+8613900139000"))
    assert found == Row(2, Details("Li Lei", "changzhi", "钻石", "a\nb", "A-1"), lines)
    assert columns_of(header.split(",")).ignored == 1


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("李雷,13800138000", "no column of a name"),
        ("姓名,生日", "no column of telephone numbers"),
        ("姓名,name,电话", "two columns of the first line mean name"),
        (",".join(["电话"] * 201), "has 201 columns"),
    ],
)
def test_a_list_that_does_not_say_what_its_columns_are_is_refused_with_the_remedy(header: str, said: str) -> None:
    with pytest.raises(NoHeader, match=said):
        columns_of(header.split(","))


@pytest.mark.parametrize(
    ("text", "column", "why"),
    [
        (",13800138000", "name", Why.NO_NAME),
        ("李雷", "numbers", Why.NO_NUMBER),
        ("李雷,anonymous", "numbers", Why.NO_NUMBER),
        ("李雷,1001", "numbers", Why.SHORT_NUMBER),
        ("李雷,13800138000;138x", "numbers", Why.UNREADABLE_NUMBER),
        ("李雷,1.38E+10", "numbers", Why.ROUNDED_NUMBER),
        ("李雷," + ";".join(f"139000000{n:02}" for n in range(21)), "numbers", Why.TOO_MANY_NUMBERS),
        ("=HYPERLINK(1),13800138000", "name", Why.FORMULA),
        ("@SUM,13800138000", "name", Why.FORMULA),
        ("李" * 101 + ",13800138000", "name", Why.TOO_LONG),
        ("李\u202e雷,13800138000", "name", Why.HIDDEN_CHARACTER),
        ("李雷,13800138000,,多", "", Why.TOO_MANY_CELLS),
        ('李雷,"13800138000', "", Why.OPEN_QUOTE),
        ('李雷,"13800138000"x,"', "", Why.OPEN_QUOTE),
        ('李雷,"138"x', "", Why.OPEN_QUOTE),
    ],
)
def test_a_line_that_cannot_be_taken_says_where_and_why(text: str, column: str, why: Why) -> None:
    assert one(text) == Refused(2, column, why)


def test_what_people_write_to_keep_a_spreadsheet_off_their_numbers_is_understood() -> None:
    assert one('李雷,"=""13800138000""",-贵宾') == Row(2, Details("李雷", "shanghai", note="-贵宾"), LI.lines)
    assert one("李雷,'13800138000,贵宾") == LI
    assert one("李雷,+8613800138000,贵宾,") == LI


def test_branches_are_those_of_the_house_and_of_whoever_brings_the_list() -> None:
    header = "姓名,电话,营业部"
    assert one("李雷,13800138000,火星", header) == Refused(2, "branch", Why.UNKNOWN_BRANCH)
    bound = Terms(Numbering(), BRANCHES, "", frozenset({"changzhi"}))
    assert one("李雷,13800138000,上海", header, Terms(Numbering())) == Row(2, Details("李雷", "上海"), LI.lines)
    assert one("李雷,13800138000,Shanghai", header, bound) == Refused(2, "branch", Why.NOT_YOUR_BRANCH)
    assert one("李雷,13800138000,", header, bound) == Refused(2, "branch", Why.NOT_YOUR_BRANCH)


def test_a_broken_line_costs_itself_and_no_other() -> None:
    body = "姓名,电话,备注\n李雷,13800138000,贵宾\n".encode()
    body += b"\xff\xfe\xfd,13800138000,x\n" + b"x" * (MOST_BYTES_OF_LINE + 999) + b"\n\n , ,\n"
    body += '韩梅梅,13900139000,"never closed\n李雷,13800138000,贵宾\n'.encode() * 1
    found = read(body, size=100)
    assert found[0] == LI
    assert found[1:4] == [
        Refused(3, "", Why.BROKEN_TEXT),
        Refused(4, "", Why.LINE_TOO_LONG),
        Refused(7, "", Why.OPEN_QUOTE),
    ]
    assert found[4:] == [Row(8, LI.details, LI.lines)]


def test_a_quotation_mark_that_is_never_closed_does_not_swallow_the_list() -> None:
    lines = ["姓名,电话,备注", '李雷,13800138000,"open', *["李雷,13800138000,贵宾"] * 200]
    found = read("\n".join(lines).encode(), size=1_000)
    assert found[0] == Refused(2, "", Why.OPEN_QUOTE)
    assert [row.line for row in found[1:]] == list(range(3, 203))


def test_one_broken_character_does_not_make_chinese_out_of_utf_8() -> None:
    good = "李雷,13800138000,贵宾\n".encode()
    body = "姓名,电话,备注\n".encode() + good * 3 + b"\xe6\x9d,13800138000,\n"
    assert encoding_of([body]) is Encoding.UTF8
    assert encoding_of(["姓名,电话\n联通,13800138000\n李雷,13800138000\n".encode("gb18030")]) is Encoding.GB18030
    assert encoding_of([]) is Encoding.UTF8
    assert first_line([], Encoding.UTF8) == ""


def test_utf_16_is_refused_with_the_remedy() -> None:
    with pytest.raises(WideText, match="save it as CSV UTF-8"):
        encoding_of(["姓名,电话\n".encode("utf-16")])


@given(st.binary(max_size=400), st.integers(1, 50))
def test_no_bytes_are_an_error_and_how_they_come_does_not_matter(body: bytes, size: int) -> None:
    for encoding in Encoding:
        told = list(records(chunks(body, size), encoding, ","))
        assert told == list(records([body], encoding, ","))
        assert [record.line for record in told] == sorted(record.line for record in told)


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=2, max_size=3), max_size=4
    )
)
@settings(max_examples=50)
def test_what_a_spreadsheet_writes_is_read_as_it_was(rows: list[list[str]]) -> None:
    kept = [["".join(one for one in cell if one not in "\r\n\0\ufffd") for cell in row] for row in rows]
    text = "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in kept)
    told = list(records([text.encode()], Encoding.UTF8, ","))
    first = "".join(kept[0][:1]) if kept else ""
    if not first.startswith("\ufeff"):
        assert [list(record.cells) for record in told] == kept
