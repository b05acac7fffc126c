"""The process in which users' scripts run: `python -m telephony.agi.scripthost`, started by `hosts.HostPool` only.

It gets calls with their sockets over the wire, runs a script for each, and says so. It beats ten times a second: a
script that blocks its one thread silences it, and the service replaces it.
"""

import asyncio
import gc
import inspect
import re
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from telephony.agi.bridge import Call, Parked, Seated, drive
from telephony.agi.codec import Environment
from telephony.agi.errors import AGIAppError, AGIException
from telephony.agi.hostconnection import HostConnection, finish, hear_of_hangup, status
from telephony.agi.loading import MAX_DETAIL, Loaded, load, main_module, neighbours, told, trace
from telephony.agi.scripts import Script
from telephony.agi.wire import Message, Wire, WireClosed, WireFull

BEAT = 0.1
"""Seconds."""
COLLECTING = 0.5
"""Seconds between two collections of what ended calls have left."""
SAID_AT_ONCE = 200
"""So many lines of stderr may come at once …"""
SAID_PER_BEAT = 5
"""… and so many in every beat afterwards. The rest is counted."""
GUARD = "guard"
"""In the query: the dialplan has set TIMEOUT(absolute) to send the call on if nobody speaks; what it was before."""
AWAITABLE = "gave something to await, but is no `async def`; a decorator needs functools.wraps to be seen through"
_ADDRESSES = ("agi_network_script", "agi_request")
_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,6})?")
UNMINDFUL = "goes on although its caller is gone; it will never run again"
UNHEEDING = "goes on although its conversation is over; it will never run again"


class ScriptHost:
    """The host, on a running loop.

    Args:
        end: of the wire to the service.
        mark: told the number of the call whose code is about to run, and 0 after it.

    Attributes:
        gone: the service is, or wants this host gone.
    """

    def __init__(self, end: socket.socket, mark: Callable[[int], None] = lambda _: None) -> None:
        self._mark = mark
        self.gone = asyncio.Event()
        self._wire = Wire(end, self._heard, self.gone.set)
        self._loaded: dict[str, Loaded] = {}
        self._longest = 3600.0
        self._calls: dict[int, tuple[str, asyncio.Task[None], HostConnection]] = {}
        self._parked: list[Call] = []
        self._may_say, self._unsaid = float(SAID_AT_ONCE), 0
        self._uncollected, self._collection = False, 0.0
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Until the service is gone or has let this host go."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._wire.open()
            beats = tasks.create_task(self._beat())
            await self.gone.wait()
            beats.cancel()
            for _, task, connection in list(self._calls.values()):
                connection.abort()
                task.cancel()
        self._wire.close()

    def said(self, script: str, line: str) -> None:
        """A line for the log."""
        if self._may_say < 1:
            self._unsaid += 1
            return
        self._may_say -= 1
        self._tell({"is": "said", "script": script, "line": line})

    # --- what the service says ---
    def _heard(self, message: Message, along: socket.socket | None) -> None:
        match message:
            case {"do": "load", "scripts": scripts, "longest": longest}:
                self._load([Script(name, Path(file), function) for name, file, function in scripts], longest)
            case {"do": "call", "id": int(number)} if along is not None and self._tasks is not None:
                along.setblocking(False)
                connection = HostConnection(_environment(message), lambda: self._started(number))
                name = str(message["script"])
                task = self._tasks.create_task(self._serve(number, name, connection, along))
                self._calls[number] = name, task, connection
            case {"do": "call", "id": int(number)}:
                # The socket was lost on the way: this process has no file number left.
                self._tell({"is": "ended", "id": number, "result": "busy", "detail": "no file number left"}, must=True)
            case {"do": "drop", "id": int(number)}:
                self._drop(number)
            case _:
                if along is not None:
                    along.close()

    def _load(self, scripts: Sequence[Script], longest: float) -> None:
        self._longest = longest
        self._loaded = {script.name: load(script) for script in scripts}
        # What is there now stays until the end, so no collection need look at it.
        gc.collect()
        gc.freeze()
        faults = {name: loaded.fault for name, loaded in self._loaded.items() if loaded.fault}
        self._tell({"is": "ready", "faults": faults}, must=True)

    def _drop(self, number: int) -> None:
        """The service answers the call itself."""
        if number not in self._calls:
            return
        name, task, connection = self._calls.pop(number)
        connection.let_go()
        if self._loaded[name].awaited:
            task.cancel()  # a synchronous script waits for the PBX if for anything, and learns from that

    # --- what it hears ---
    async def _beat(self) -> None:
        while True:
            if not self._wire.waiting:
                self._tell({"is": "alive", "parked": len(self._parked)})
            self._collect()
            self._may_say = min(SAID_AT_ONCE, self._may_say + SAID_PER_BEAT)
            if self._unsaid and self._may_say >= 1:
                self._tell({"is": "unsaid", "lines": self._unsaid})
                self._unsaid = 0
            await asyncio.sleep(BEAT)

    def _tell(self, message: Mapping[str, Any], *, must: bool = False) -> None:
        try:
            self._wire.send(message, must=must)
        except WireFull:
            self._unsaid += message["is"] == "said"
        except WireClosed:
            self.gone.set()

    def _started(self, number: int) -> None:
        if number in self._calls:
            self._tell({"is": "started", "id": number}, must=True)

    def _ended(self, number: int, result: str, detail: str) -> None:
        if self._calls.pop(number, None) is not None:
            self._tell({"is": "ended", "id": number, "result": result, "detail": detail}, must=True)

    # --- a call ---
    async def _serve(self, number: int, name: str, connection: HostConnection, sock: socket.socket) -> None:
        """One call, from its socket to its end. Nothing that a script does comes out of here."""
        loaded = self._loaded.get(name)
        try:
            await asyncio.get_running_loop().create_connection(lambda: connection, sock=sock)
        except OSError as error:
            sock.close()
            self._ended(number, "hung_up", f"the connection was gone: {error}")
            return
        result, detail = "failed", "cancelled before it began"
        try:
            if loaded is None or loaded.fault:
                result, detail = "failed", loaded.fault if loaded else "no such script"
            else:
                result, detail = await self._guarded(number, loaded, connection)
            if number in self._calls:
                await finish(connection, result)
        except asyncio.CancelledError:
            if self._left_to_others(number):
                result, detail = "hung_up", "ended by the service"
        finally:
            if number in self._calls:
                connection.abort()  # nothing left to do for who was finished; the only end for who was not
            self._ended(number, result, detail)

    def _left_to_others(self, number: int) -> bool:
        """The service has the conversation, or this host ends: what is cancelled now is cancelled by us."""
        return number not in self._calls or self.gone.is_set()

    async def _guarded(self, number: int, loaded: Loaded, connection: HostConnection) -> tuple[str, str]:
        """Run the script, once the dialplan's guard is taken away where it has set one."""
        query = connection.environment.query if connection.environment is not None else {}
        guard = query.get(GUARD, "")
        if _SECONDS.fullmatch(guard):
            try:
                await connection.disarm(guard)
            except (AGIException, TimeoutError) as error:
                return "hung_up", f"before the script began: {error}"
        return await self._run(number, loaded, connection)

    async def _run(self, number: int, loaded: Loaded, connection: HostConnection) -> tuple[str, str]:
        """Run the script: its result and, unless all is well, why."""
        script = loaded.script
        main = main_module(loaded)
        environment = connection.environment
        call = Call(
            connection,
            longest=self._longest,
            argv=[str(script.file), *(environment.arguments if environment else ())],
            tell=lambda line: self.said(script.name, line),
            main=main,
            beside=neighbours(loaded),
            marks=lambda runs: self._mark(number if runs else 0),
        )
        try:
            if loaded.awaited and loaded.function is not None:
                call.session.parked = lambda: self._park(number, call)
                call.here()
                await Seated(call, loaded.function(call.session))
            else:
                await drive(call, _body(loaded, main.__dict__ if main else {}))
        except Parked:
            return self._park(number, call)
        except BaseException as error:
            # Also CancelledError may be the script's own: of a task that it awaited.
            if isinstance(error, asyncio.CancelledError) and self._left_to_others(number):
                raise
            if isinstance(error, AGIAppError):
                await hear_of_hangup(connection)
            return self._let_through(call, script, error)
        finally:
            if call not in self._parked:
                call.end()
                self._collect(ended=True)
        return _fared(call)

    def _let_through(self, call: Call, script: Script, error: BaseException) -> tuple[str, str]:
        """What an exception means that a script did not handle."""
        folder = script.file.parent
        if isinstance(error, SystemExit) and error.code in (None, 0):
            return _fared(call)
        meant = isinstance(error, OSError | EOFError | SystemExit) and call.late
        if _left(call) and (call.heard_out or meant or isinstance(error, AGIException)):
            return "hung_up", told(error, folder)
        if not isinstance(error, SystemExit):
            for line in trace(error, folder):
                call.error.write(f"{line}\n")
        return "failed", told(error, folder)

    def _collect(self, *, ended: bool = False) -> None:
        """Flush the files that ended calls have left in cycles, soon, and at a price of a twentieth of the time."""
        self._uncollected = self._uncollected or ended
        now = asyncio.get_running_loop().time()
        if self._uncollected and now >= self._collection:
            gc.collect()
            took = asyncio.get_running_loop().time() - now
            self._uncollected, self._collection = False, now + max(COLLECTING, 20 * took)

    def _park(self, number: int, call: Call) -> tuple[str, str]:
        """Its result and why. The conversation is over, whether the caller or the PBX's answers ended it."""
        self._parked.append(call)
        connection = call.connection
        if connection.fault is None:
            result, detail = "hung_up", UNMINDFUL
            connection.abort()
        else:
            result, detail = "failed", f"{UNHEEDING}: {connection.fault}"[:MAX_DETAIL]
            connection.send_and_finish([status(result)])
        self._ended(number, result, detail)
        return result, detail


def _body(loaded: Loaded, namespace: dict[str, Any]) -> Callable[[], None]:
    code, function = loaded.code, loaded.function

    def body() -> None:
        if code is not None:
            exec(code, namespace)  # noqa: S102 - it is what a script host is for
        elif function is not None:
            # Not at the top: who runs no synchronous script need not replace pyst2's class.
            from telephony.agi.standin import AGI  # noqa: PLC0415

            returned = function(AGI())
            if inspect.isawaitable(returned):
                if inspect.iscoroutine(returned):
                    returned.close()
                raise TypeError(f"{loaded.script.function}() {AWAITABLE}")

    return body


def _left(call: Call) -> bool:
    """The caller is gone. Not: Asterisk said `(hangup)`, which it also says when nothing came to RECEIVE CHAR."""
    return call.connection.hung_up or call.connection.closed


def _fared(call: Call) -> tuple[str, str]:
    """The result of a script that came to its end without complaint, and why it is none the less a bad one."""
    fault = call.connection.fault
    if call.late and _left(call):
        return "hung_up", ""
    return ("ok", "") if fault is None else ("failed", str(fault)[:MAX_DETAIL])


def _environment(message: Message) -> Environment:
    values = message["values"]
    if list(message["query"]) == [GUARD]:
        # Between the dialplan and us; a script that looks at its own address shall not trip over it.
        values |= {name: values[name].partition("?")[0] for name in _ADDRESSES if name in values}
    arguments = tuple(values[f"agi_arg_{number}"] for number in range(1, message["arguments"] + 1))
    return Environment(values, message["path"], message["query"], arguments)


if __name__ == "__main__":
    from telephony.agi.hostprocess import main

    main(sys.argv[1:])
