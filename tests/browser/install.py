"""A Chromium: the machine's own, else installed by apt where that is possible."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
FONTS = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
"""Without a Chinese font pictures show boxes; what a page does is the same."""
APT = ("apt-get", "-q", "-o", "Acquire::Check-Valid-Until=false", "-o", "Acquire::Retries=3")


def found() -> str | None:
    """Where it is."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def why_not() -> str | None:
    """The reason why there is none, nor can be; None when there can."""
    if found():
        return None
    if sys.platform != "linux" or not Path("/etc/debian_version").exists() or not shutil.which("apt-get"):
        return "no Chromium here, and it is installed on Debian only"
    if os.geteuid() != 0:
        return "no Chromium here, and only root can install it: apt-get install chromium fonts-noto-cjk"
    return None


def ready() -> str:
    """The program, installing it when it is not there yet."""
    with _only_one(Path(tempfile.gettempdir()) / "threerings-chromium.lock"):
        program = found()
        if program is None:
            _run(*APT, "update")
            fonts = [] if FONTS.exists() else ["fonts-noto-cjk"]
            _run(*APT, "install", "-y", "--no-install-recommends", "chromium", *fonts)
            program = found()
    if program is None:
        message = "apt-get installed chromium, but there is no such program"
        raise RuntimeError(message)
    return program


def _run(*command: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        message = f"{' '.join(command)} ended with {done.returncode}:\n{tail}"
        raise RuntimeError(message)


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
