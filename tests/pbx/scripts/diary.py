"""What a script saw, for the test: a file named after the script in the folder that the dialplan passes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Self

from asterisk.agi import AGI, AGIException


class Diary:
    """Calls pyst2's methods and writes down what came of it: `diary("label", "get_data", "beep", 300)`."""

    def __init__(self, agi: AGI) -> None:
        self.agi = agi
        self.seen: list[tuple[str, str, Any]] = []

    def __call__(self, label: str, method: str, *args: object) -> Any:
        """One command; its value, or the name of what it raised, with those of its bases."""
        try:
            got = getattr(self.agi, method)(*args)
        except AGIException as error:
            got = {"raised": [kind.__name__ for kind in type(error).__mro__ if issubclass(kind, AGIException)]}
        self.note(label, method, got)
        return got

    def note(self, label: str, method: str, got: object) -> None:
        """Something that was seen otherwise."""
        self.seen.append((label, method, got))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Write it for the test; a call that was hung up has a diary, too."""
        env = self.agi.env
        file = Path(env["agi_arg_1"]) / env["agi_network_script"]
        part = file.with_suffix(".part")
        part.write_text(json.dumps({"seen": self.seen, "env": dict(env), "argv": sys.argv[1:]}))
        part.rename(file.with_suffix(".json"))
