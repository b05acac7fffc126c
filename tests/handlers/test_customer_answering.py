"""Who calls: by our own customers or the house's CRM, and what is said when nobody knows."""

from dataclasses import dataclass, field
from datetime import timedelta

from structlog.testing import capture_logs

from handlers.casework import called_back
from handlers.customers.answering import Callers, callers_of
from telephony.cases.customer_lookup import OwnCustomers
from telephony.config import Config
from telephony.crm.client import Crm
from telephony.customers.lookup import Found, Known, LookupUnavailable
from telephony.customers.numbers import E164, Numbering
from telephony.screenpop.pop import Knowledge, Who

LI = Found((Known("李雷"),))


@dataclass
class Register:
    """Who knows the customers, or what he raises instead."""

    answer: Found | Exception = LI
    asked: list[str] = field(default_factory=list)
    closed: bool = False

    async def of(self, number: E164, /) -> Found:
        self.asked.append(number)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self) -> None:
        self.closed = True


async def test_a_number_is_looked_up_as_it_is_kept_and_what_is_nobodys_is_not_asked_for() -> None:
    register = Register()
    callers = Callers(register, Numbering(), lambda: 0.0)
    assert await callers.of("013800138000") == Who(Knowledge.KNOWN, LI)
    for nobody in ("", "anonymous", "1001", "\x00\u202e", "9" * 500):
        assert await callers.of(nobody) == Who(Knowledge.ANONYMOUS)
    assert register.asked == ["+8613800138000"]
    await callers.close()
    assert register.closed


async def test_whatever_the_trouble_is_the_call_is_shown_and_no_number_is_told() -> None:
    now = [0.0]
    register = Register(LookupUnavailable("TimeoutError"))
    callers = Callers(register, Numbering(), lambda: now[0])
    with capture_logs() as log:
        for _ in range(3):
            assert await callers.of("13800138000") == Who(Knowledge.UNAVAILABLE)
        register.answer = RuntimeError("a fault of ours")
        now[0] = 61
        assert await callers.of("13800138000") == Who(Knowledge.UNAVAILABLE)
    assert [one["event"] for one in log] == ["customers_unavailable", "customers_failed", "customers_unavailable"]
    assert "138" not in str(log)


async def test_the_configuration_says_who_answers() -> None:
    own = callers_of(Config(), "postgresql://127.0.0.1:1/none", timedelta)
    section = {"crm": {"url": "https://crm.example.com/", "token": "t0ken", "answer_ms": 100, "header": "X-Caller"}}
    crm = callers_of(Config.model_validate({"customers": section}), "postgresql://none", timedelta)
    assert (type(own._lookup), type(crm._lookup)) == (OwnCustomers, Crm)
    assert (await own.of("13800138000")).knowledge is Knowledge.UNAVAILABLE
    await own.close()
    await crm.close()


def test_a_lost_caller_is_called_back_by_one_number_however_trunks_write_it() -> None:
    ways = ("013800138000", "+8613800138000", "8613800138000", "13800138000")
    assert {called_back(Numbering(), one) for one in ways} == {"13800138000"}
    assert [called_back(Numbering(), one) for one in ("1001", "anonymous", "60000001")] == ["1001", "", "60000001"]
