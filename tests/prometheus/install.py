"""Debian's Prometheus and Alertmanager, unpacked beside the PBX of the bench: no daemon, nothing of the system.

The folder appears under its final name only when it is whole, so a run that was cut off leaves nothing that looks
finished.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.pbx.install import APT, _only_one, _run, cache_folder

PACKAGES = ("prometheus", "prometheus-alertmanager")
STAMP = "unpacked-by-the-tests"
RECIPE = f"1 {' '.join(PACKAGES)}"  # a new first number makes every cache unpack afresh


@dataclass(frozen=True)
class Programs:
    """Where they are."""

    folder: Path

    def __getattr__(self, name: str) -> Path:
        return self.folder / "usr" / "bin" / name.replace("_", "-")


def why_not() -> str | None:
    """The reason why they cannot be had on this machine, None when they can."""
    if sys.platform != "linux" or not Path("/etc/debian_version").exists():
        return "Prometheus is unpacked from Debian's packages only"
    if not all(map(shutil.which, ("apt-get", "dpkg-deb", "unshare"))):
        return "apt-get, dpkg-deb and unshare are needed to unpack Prometheus"
    if os.geteuid() != 0 and subprocess.run(["unshare", "--map-root-user", "--mount", "true"], check=False).returncode:
        return "Alertmanager looks for its templates under /usr/share: root, or a user name space, must show it ours"
    return None


def ready() -> Programs:
    """The programs, fetched when they are not there yet: 30 MB, once."""
    folder = cache_folder() / "prometheus"
    with _only_one(cache_folder() / "prometheus.lock"):
        stamp = folder / STAMP
        if not (stamp.exists() and stamp.read_text() == RECIPE):
            _unpack(folder)
    return Programs(folder)


def _unpack(folder: Path) -> None:
    unfinished = folder.with_suffix(".tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        _download(unfinished)
    except RuntimeError:  # perhaps this machine has not been told yet what there is
        _run(*APT, "update")
        _download(unfinished)
    for package in unfinished.glob("*.deb"):
        _run("dpkg-deb", "-x", str(package), str(unfinished))
        package.unlink()
    (unfinished / STAMP).write_text(RECIPE)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def _download(folder: Path) -> None:
    done = subprocess.run(
        [*APT, "download", *PACKAGES], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)


if __name__ == "__main__":
    begun = time.monotonic()
    print(f"{ready().folder} is ready ({time.monotonic() - begun:.1f} s)")
