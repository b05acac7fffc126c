"""Which column of a list is what, by the words that people write above them, Chinese or English. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

NUMBERS, SHARED = "numbers", "shared"
MOST_COLUMNS = 200
_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "name": "姓名 客户姓名 客户名称 客户名 名称 name customer customername fullname",
        NUMBERS: (
            "电话 号码 手机 手机号 手机号码 移动电话 电话号码 联系电话 联系方式 固定电话 固话 座机 家庭电话 单位电话"
            " phone number numbers phones phonenumber phonenumbers telephone telephonenumber tel mobile mobilephone"
            " mobilenumber cell landline"
        ),
        "branch": "营业部 所属营业部 开户营业部 分支机构 机构 branch branchname office",
        "value_group": (
            "价值分组 客户分组 客户价值 客户等级 客户级别 客户类别 等级 级别 分组"
            " valuegroup customergroup group level tier class segment"
        ),
        "note": "备注 说明 附注 note notes remark remarks comment comments",
        "external_id": "客户号 客户编号 客户代码 客户id 编号 externalid id customerid customernumber clientid",
        SHARED: "共用 公用 共享 共用号码 shared sharednumber family company",
    }
)
_MEANS: Mapping[str, str] = MappingProxyType({name: field for field, names in _NAMES.items() for name in names.split()})
_BETWEEN = re.compile(r"[\s_\-./*:：()（）]+")
_COUNT = re.compile(r"(?<=\D)\d{1,2}$")


class NoHeader(ValueError):  # noqa: N818 - what is wrong
    """The first line does not say what the columns are; the message says what is missing, and the remedy."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where what stands.

    Attributes:
        of: places of the cells, from 0 on, by field of `Details`, `NUMBERS` or `SHARED`; only numbers have several.
        count: of all columns.
        ignored: of those that mean nothing here.
    """

    of: Mapping[str, tuple[int, ...]]
    count: int
    ignored: int = 0


def columns_of(header: Sequence[str]) -> Columns:
    """What the cells of the first line mean.

    Raises:
        NoHeader: there is none, or it is ambiguous.
    """
    if len(header) > MOST_COLUMNS:
        raise NoHeader(
            f"the first line has {len(header)} columns, more than {MOST_COLUMNS}; keep those that are needed"
        )
    found: dict[str, tuple[int, ...]] = {}
    ignored = 0
    for place, cell in enumerate(header):
        field = meaning_of(cell)
        if field is None:
            ignored += bool(cell.strip())
        elif field in found and field != NUMBERS:
            raise NoHeader(f"two columns of the first line mean {field}; rename or remove one of them")
        else:
            found[field] = (*found.get(field, ()), place)
    missing = [field for field in ("name", NUMBERS) if field not in found]
    if missing:
        words = {"name": "a name (姓名, name)", NUMBERS: "telephone numbers (电话, phone)"}
        lacking = " and ".join(words[field] for field in missing)
        raise NoHeader(f"the first line names no column of {lacking}; write what each column is into the first line")
    return Columns(MappingProxyType(found), len(header), ignored)


def meaning_of(cell: str) -> str | None:
    """What a column with this above it is; None: nothing that we know. `手机 1` and `Phone_2` are numbers."""
    name = _BETWEEN.sub("", unicodedata.normalize("NFKC", cell).casefold())
    return _MEANS.get(name) or _MEANS.get(_COUNT.sub("", name))
