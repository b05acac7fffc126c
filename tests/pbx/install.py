"""A real Asterisk 22 on a bare Debian, beside whatever the machine runs: installed once, kept in a cache folder.

Debian 12 has no Asterisk, Debian sid has version 22; it is put into a chroot of its own. The folder appears under its
final name only when it is whole, so a run that was cut off leaves nothing that looks finished.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = ("asterisk", "asterisk-modules", "asterisk-core-sounds-en-gsm", "libfaketime")
STAMP = "installed-by-the-pbx-bench"
RECIPE = f"1 {' '.join(PACKAGES)}"  # a new first number makes every cache install afresh
# Mirrors of a moving release are at times a little behind their own signatures.
APT = ("apt-get", "-q", "-o", "Acquire::Check-Valid-Until=false", "-o", "Acquire::Retries=3")


def cache_folder() -> Path:
    """Where the bench keeps what is slow to make: `$THREERINGS_CACHE`, else `~/.cache/threerings`."""
    return Path(os.environ.get("THREERINGS_CACHE") or Path.home() / ".cache" / "threerings")


def why_not() -> str | None:
    """The reason why no real PBX can run on this machine, None when one can."""
    if sys.platform != "linux" or not Path("/etc/debian_version").exists():
        return "a real Asterisk is installed on Debian only"
    if os.geteuid() != 0:
        return "a real Asterisk needs root (chroot, private mounts)"
    if not shutil.which("apt-get") or not shutil.which("unshare"):
        return "apt-get and unshare are needed to install a real Asterisk"
    return None


def ready() -> Path:
    """The folder with Asterisk in it, installing it (and SIPp) when it is not there yet: half a minute, once."""
    cache = cache_folder()
    root = cache / "pbx-root"
    with _only_one(cache / "pbx-root.lock"):
        if not shutil.which("sipp"):
            _install_on_host("sip-tester")
        stamp = root / STAMP
        if not (stamp.exists() and stamp.read_text() == RECIPE):
            _build(root)
    return root


def _build(root: Path) -> None:
    if not shutil.which("debootstrap"):
        _install_on_host("debootstrap")
    unfinished = root.with_suffix(".tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    _run("debootstrap", "--variant=minbase", "sid", str(unfinished))
    shutil.copy("/etc/resolv.conf", unfinished / "etc/resolv.conf")
    no_daemons = unfinished / "usr/sbin/policy-rc.d"
    no_daemons.write_text("#!/bin/sh\nexit 101\n")
    no_daemons.chmod(0o755)
    _inside(unfinished, *APT, "update")
    _inside(unfinished, *APT, "install", "-y", "--no-install-recommends", *PACKAGES)
    _inside(unfinished, "apt-get", "clean")
    (unfinished / "srv/pbx").mkdir(parents=True, exist_ok=True)
    # Asterisk looks up its own host name; the bench binds a hosts file of its own over this one.
    (unfinished / "etc/hosts").touch()
    (unfinished / "etc/resolv.conf").write_text("")
    (unfinished / STAMP).write_text(RECIPE)
    shutil.rmtree(root, ignore_errors=True)
    unfinished.rename(root)


def _install_on_host(package: str) -> None:
    _run(*APT, "update")
    _run(*APT, "install", "-y", "--no-install-recommends", package)


def _inside(root: Path, *command: str) -> None:
    """Run in the chroot with /proc and /dev, in a mount namespace that takes both away again when it ends."""
    script = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"'
    _run("unshare", "-m", "sh", "-c", script, str(root), *command)


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
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    begun = time.monotonic()
    print(f"{ready()} is ready ({time.monotonic() - begun:.1f} s)")
