"""The systemd unit: it can do what Three Rings needs and little else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "docker/systemd/threerings.service"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")


def keys() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("User", "threerings"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"),
        ("RestrictNamespaces", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("SystemCallArchitectures", "native"),
        ("SystemCallErrorNumber", "EPERM"),
    ],
)
def test_it_is_shut_in(key: str, value: str) -> None:
    assert keys()[key] == [value]


def test_it_may_write_its_own_folder_and_nothing_else() -> None:
    found = keys()
    assert found["StateDirectory"] == ["threerings"]
    assert "ReadWritePaths" not in found


def test_what_three_rings_needs_is_not_shut_off() -> None:
    """The journal reads the boot from /proc/sys; the processes of scripts lower their own limits."""
    found = keys()
    assert "ProcSubset" not in found
    assert not any("@resources" in one for one in found["SystemCallFilter"])
    assert "RestrictFileSystems" not in found


def test_wrong_configuration_is_not_tried_again_all_else_is() -> None:
    found = keys()
    assert found["RestartPreventExitStatus"] == ["2"]
    assert found["Restart"] == ["always"]
    assert int(found["TimeoutStopSec"][0]) > 5, "so long it saves what is pending"


@needs_systemd
def test_systemd_finds_nothing_wrong_with_it_but_that_it_is_not_installed(tmp_path: Path) -> None:
    unit = tmp_path / "threerings.service"
    unit.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/threerings/bin/threerings", "/bin/true"))
    told = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert "threerings.service" not in told.stderr, told.stderr


@needs_systemd
def test_systemd_finds_little_exposed() -> None:
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", UNIT],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout[-400:]
