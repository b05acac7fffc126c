"""The class `AGI` that stands in for pyst2's in a script host: the same words, spoken through the bridge."""

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, cast

from asterisk import agi as pyst2

from telephony.agi import vocabulary
from telephony.agi.bridge import CURRENT
from telephony.agi.codec import quoted
from telephony.agi.errors import AGIDBError, AGIError, AGIHangup

Original: Any = pyst2.AGI
"""pyst2's own, whatever it is replaced with later."""


class AGI(Original):  # type: ignore[misc]  # pyst2 has no types
    """pyst2's class in a script host: the conversation of the call whose script makes it.

    Made twice, it is the same conversation. The streams it is given stay attributes, and are not read: the call's are.
    A subclass that has its own `execute`, `send_command`, `get_result`, `_quote` or `_process_digit_list` gets pyst2's
    own methods around them.

    Raises:
        AGIError: no call's script runs here.
    """

    def __init__(self, stdin: Any = None, stdout: Any = None, stderr: Any = None) -> None:  # noqa: ANN401 - as pyst2
        call = CURRENT.get()
        if call is None:
            raise AGIError("AGI() outside a call: make it in the code that runs for each call, not at import")
        if call.greenlet is None:
            raise AGIError("AGI() in a coroutine script: await the methods of the session it is given")
        self.stdin, self.stdout, self.stderr = stdin or sys.stdin, stdout or sys.stdout, stderr or sys.stderr
        self._got_sighup = False
        self._call = call
        self.env = call.session.env
        call.input.skip_head()
        call.hangup_handler = self._handle_sighup  # as pyst2's registers it; a subclass may have its own

    def test_hangup(self) -> None:
        """Raise AGISIGHUPHangup when the caller has hung up, or somebody has set `_got_sighup`."""
        try:
            self._call.session.test_hangup()
            Original.test_hangup(self)
        except AGIHangup:
            self._call.refuse()
            raise

    def execute(self, command: str, *args: object) -> Any:  # noqa: ANN401 - as pyst2
        """Any command, its words quoted by you; `{'result': (value, data), …}`."""
        if self._rewired():
            return Original.execute(self, command, *args)
        return self._call.ask(self._call.session.execute(command, *args))

    def send_command(self, command: str, *args: object) -> None:
        """The first half of `execute`."""
        self._call.ask(self._call.session.send_command(command, *args))

    def get_result(self, stdin: Any = None) -> Any:  # noqa: ANN401, ARG002 - as pyst2
        """The second half of `execute`."""
        return self._call.ask(self._call.session.get_result())

    def database_get(self, family: Any, key: Any) -> str:  # noqa: ANN401 - as pyst2
        """A value of Asterisk's database. AGIDBError when there is none."""
        if not self._rewired():
            return self._call.ask(self._call.session.database_get(family, key))
        # pyst2's own quotes twice, which only works while its quoting escapes nothing.
        result, value = self.execute("DATABASE GET", self._quote(family), self._quote(key))["result"]
        if result != "1":
            raise AGIDBError(f"Key not found in database: family={family}, key={key}")
        return cast("str", value)

    def database_deltree(self, family: Any, key: Any = "") -> None:  # noqa: ANN401 - as pyst2
        """Delete a family, or what begins with `key` in it. AGIUsageError without a family."""
        if not self._rewired():
            self._call.ask(self._call.session.database_deltree(family, key))
            return
        vocabulary.database_deltree(family, key)  # for what it refuses
        self.execute("DATABASE DELTREE", self._quote(family), *([] if key == "" else [self._quote(key)]))

    def _quote(self, string: object) -> str:
        return quoted(string)

    def _rewired(self) -> bool:
        """A subclass, or somebody who patched the object, wants to see every command pass."""
        mine = type(self)
        return any(getattr(mine, name) is not getattr(AGI, name) or name in self.__dict__ for name in _HOOKS)


_HOOKS = ("execute", "send_command", "get_result", "_quote", "_process_digit_list")


def _bridged(name: str) -> Callable[..., Any]:
    original = getattr(Original, name)

    @functools.wraps(original)
    def method(self: AGI, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as pyst2
        if self._rewired():
            return original(self, *args, **kwargs)
        return self._call.ask(getattr(self._call.session, name)(*args, **kwargs))

    return method


for _name, _value in vars(Original).items():
    if not _name.startswith("_") and inspect.isfunction(_value) and _name not in vars(AGI):
        setattr(AGI, _name, _bridged(_name))
