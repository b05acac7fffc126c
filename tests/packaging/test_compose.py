"""docker/compose.yaml by the rules that cost most when broken; that it runs is told in docs/containers.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

DOCKER = Path(__file__).parents[2] / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = ("grants",)
"""Ends when it is done, so that nobody asks whether it lives."""
KNOWN = {
    *("image", "build", "profiles", "restart", "init", "user", "command", "entrypoint", "environment", "secrets"),
    *("read_only", "cap_drop", "security_opt", "logging", "deploy", "shm_size", "stop_grace_period", "healthcheck"),
    *("depends_on", "ports", "networks", "volumes", "tmpfs"),
}
"""Keys of the compose specification that are used here; a typing error would be passed over in silence."""
every_service = pytest.mark.parametrize("name", SERVICES)


def test_what_the_issue_names_is_there() -> None:
    assert {"threerings", "postgres", "prometheus", "alertmanager", "grafana", "asterisk", "traffic"} <= set(SERVICES)
    assert SERVICES["traffic"]["profiles"] == ["traffic"]


@every_service
def test_no_key_is_mistyped(name: str) -> None:
    assert set(SERVICES[name]) <= KNOWN
    assert set(COMPOSE) == {"name", "x-hardened", "services", "networks", "volumes", "secrets"}


@every_service
def test_an_image_has_a_version_and_no_registry_of_ours(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert re.fullmatch(r"([a-z]+/)?[a-z-]+", image)
    assert re.match(r"v?\d", tag)


@every_service
def test_nobody_is_root_or_may_become_it_or_write_to_his_own_files(name: str) -> None:
    service = SERVICES[name]
    assert str(service["user"]).split(":")[0] not in {"", "0", "root"}
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["read_only"] is True
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & set(service)
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", ()))


@every_service
def test_everybody_has_limits_and_an_end_to_his_logs(name: str) -> None:
    assert set(SERVICES[name]["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert set(SERVICES[name]["logging"]["options"]) == {"max-size", "max-file"}


@every_service
def test_everybody_says_whether_he_is_well_or_ends(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    if name in ONCE:
        assert check == {"disable": True}
        assert SERVICES[name]["restart"] == "no"
    else:
        assert check["test"][0] == "CMD"
        assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@every_service
def test_who_is_waited_for_can_be_waited_for(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert not SERVICES[other].get("profiles"), "who is in a profile may not be there"
        assert how["condition"] == ("service_completed_successfully" if other in ONCE else "service_healthy")


@every_service
def test_secrets_are_files_and_stand_in_no_environment_or_command(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
    for key in service.get("environment", {}):
        assert not re.search(r"PASSWORD|SECRET|TOKEN|KEY", key) or key.endswith("_FILE"), key
    assert "env_file" not in service


def test_what_is_asked_for_is_declared_and_what_is_declared_is_used() -> None:
    used = {"secrets": set[str](), "networks": set[str](), "volumes": set[str]()}
    for service in SERVICES.values():
        used["secrets"] |= set(service.get("secrets", ()))
        used["networks"] |= set(service["networks"])
        used["volumes"] |= {volume.split(":")[0] for volume in service.get("volumes", ()) if volume[0] not in "./"}
    assert used == {kind: set(COMPOSE[kind]) for kind in used}


def test_each_secret_is_made_by_the_script_that_starts_everything() -> None:
    script = (DOCKER / "up").read_text(encoding="utf-8")
    [random] = re.findall(r"^for name in (.*); do secret", script, re.MULTILINE)
    made = {*random.split(), *re.findall(r"^secret (\w+) ", script, re.MULTILINE)}
    assert made == set(COMPOSE["secrets"])
    assert all(secret == {"file": f"./secrets/{name}"} for name, secret in COMPOSE["secrets"].items())


@every_service
def test_files_that_are_mounted_are_in_the_repository_and_read_only(name: str) -> None:
    for volume in SERVICES[name].get("volumes", ()):
        source, _, rest = volume.partition(":")
        if source.startswith("./"):
            assert rest.endswith(":ro"), volume
            assert (DOCKER / source).exists(), volume


@every_service
def test_ports_are_open_to_this_machine_alone_unless_somebody_says_otherwise(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert port.startswith(("127.0.0.1:", "${SIP_ADDRESS:-127.0.0.1}:")), port


def test_the_database_and_the_pbx_cannot_be_reached_from_outside_nor_by_each_other() -> None:
    assert COMPOSE["networks"]["data"] == COMPOSE["networks"]["pbx"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == ["data"]
    assert {name for name, service in SERVICES.items() if "pbx" in service["networks"]} == {
        "threerings", "asterisk", "traffic",
    }  # fmt: skip


def test_memory_holds_what_is_written_outside_of_volumes() -> None:
    """A read-only file system is worth nothing if the first temporary file ends the service."""
    for name in ("threerings", "postgres", "grafana", "asterisk", "traffic"):
        assert any(str(place).startswith("/tmp") for place in SERVICES[name]["tmpfs"]), name
