"""The Dockerfiles, and what the example PBX and the example branch say of each other."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from handlers.checks import etc
from handlers.checks.findings import Result
from telephony.config import Config, load

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
SECRET = re.compile(r"/run/secrets/(\w+)")


def dockerfile(path: str) -> str:
    return re.sub(r"\\\n\s*", " ", (DOCKER / path).read_text(encoding="utf-8"))


def needed_by(package: str, seen: set[str]) -> set[str]:
    """This package and all that it needs here, by their names in the lock."""
    if package in seen:
        return seen
    seen.add(package)
    for line in requires(package) or ():
        one = Requirement(line)
        if one.marker is None or one.marker.evaluate({"extra": ""}):
            needed_by(canonicalize_name(one.name), seen)
    return seen


@pytest.fixture
def branch(tmp_path: Path) -> Config:
    """docker/branch.toml, its secrets in a folder of the test."""
    text = (DOCKER / "branch.toml").read_text(encoding="utf-8")
    for name in SECRET.findall(text):
        content = "postgresql://threerings:x@postgres/threerings" if name == "database_url" else f"{name:x<24}"
        (tmp_path / name).write_text(content)
    (tmp_path / "threerings.toml").write_text(SECRET.sub(rf"{tmp_path}/\1", text), encoding="utf-8")
    return load(tmp_path / "threerings.toml", {})


@pytest.mark.parametrize("path", ["Dockerfile", "pbx/Dockerfile"])
def test_an_image_stands_on_a_version_and_its_last_user_is_not_root(path: str) -> None:
    text = dockerfile(path)
    [base] = re.findall(r"^ARG \w+=(\S+)$", text, re.MULTILINE)
    assert re.fullmatch(r"[a-z]+:[a-z]*-?\d[\w.-]*", base)
    users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    assert users[-1].split(":")[0].isdecimal()
    assert users[-1].split(":")[0] != "0"


def test_the_image_installs_what_is_locked_and_nothing_else() -> None:
    installs = re.findall(r"pip install [^&\n]*", dockerfile("Dockerfile"))
    assert installs
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)


def test_what_builds_the_wheel_is_found_in_the_lock() -> None:
    [program] = re.findall(r"awk '([^']*)' requirements-dev.txt", dockerfile("Dockerfile"))
    found = subprocess.run(
        ["awk", program, "requirements-dev.txt"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    names = re.findall(r"^([\w-]+)==", found, re.MULTILINE)
    assert set(names) == needed_by("hatchling", set())
    assert found.count("--hash=sha256:") >= 2 * len(names)


def test_all_that_the_image_copies_is_sent_to_whoever_builds_it() -> None:
    sent = set(re.findall(r"^!(\S+)$", (DOCKER / "Dockerfile.dockerignore").read_text(), re.MULTILINE))
    copied = set()
    for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile("Dockerfile"), re.MULTILINE):
        copied |= set(line.split()[:-1])
    assert copied == sent
    assert all((ROOT / name).exists() for name in copied)


def test_the_example_branch_can_be_used_and_has_the_secrets_that_its_container_gets(branch: Config) -> None:
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
    named = set(SECRET.findall((DOCKER / "branch.toml").read_text(encoding="utf-8")))
    assert named == set(compose["services"]["threerings"]["secrets"])
    assert branch.pbx[0].host in compose["services"]["asterisk"]["networks"]["pbx"]["aliases"]
    assert len(branch.hours_of()) == len(branch.queue) + len(branch.line)


def test_the_example_pbx_is_one_with_which_threerings_check_finds_no_fault(branch: Config, tmp_path: Path) -> None:
    folder = tmp_path / "asterisk"
    folder.mkdir()
    (tmp_path / "manager-secret.conf").write_text("secret = a-long-secret-of-its-own\n")  # as pbx/start does
    for line in re.findall(r"^COPY (?:--\S+ )?(.*)$", dockerfile("pbx/Dockerfile"), re.MULTILINE):
        sources, target = line.split()[:-1], line.split()[-1].removeprefix("/etc/asterisk/")
        for source in sources:
            for path in DOCKER.glob(source):
                if path.suffix == ".conf":
                    text = path.read_text(encoding="utf-8").replace("/run/asterisk", str(tmp_path))
                    (folder / (target or path.name)).write_text(text, encoding="utf-8")
    found = [one for one in etc.look(branch.pbx[0], folder, None) if one.result is Result.FAULT]
    assert found == []


def test_queues_phones_and_numbers_of_the_example_pbx_are_those_of_the_branch(branch: Config) -> None:
    def said(name: str) -> str:
        return (DOCKER / "pbx" / name).read_text(encoding="utf-8")

    queues = set(re.findall(r"^\[(\w+)\]", said("queues.conf"), re.MULTILINE))
    assert queues == {queue.name for queue in branch.queue}
    phones = {f"PJSIP/{name}" for name in re.findall(r"^\[(\d+)\]\(phone\)", said("pjsip.conf"), re.MULTILINE)}
    members = set(re.findall(r"^member => ([^,]+),", said("queues.conf"), re.MULTILINE))
    wanted = {line.interface for line in branch.line} | {phone for agent in branch.agent for phone in agent.interfaces}
    assert wanted | members <= phones
    assert {number.dialled for number in branch.number} <= set(
        re.findall(r"^exten => (\d+),1", said("extensions.conf"), re.MULTILINE)
    )


@pytest.mark.parametrize("script", ["up", "traffic.sh", "pbx/start", "postgres/roles.sh", "postgres/grant.sh"])
def test_a_shell_understands_each_script(script: str) -> None:
    subprocess.run(["sh", "-n", DOCKER / script], check=True)


def started(folder: Path, *words: str) -> tuple[int, str]:
    """docker/up in a copy of its folder, with a `docker` that only says how it was called."""
    stand_in = folder / "bin" / "docker"
    stand_in.parent.mkdir(exist_ok=True)
    stand_in.write_text('#!/bin/sh\necho "$@"\n')
    stand_in.chmod(0o755)
    shutil.copy(DOCKER / "up", folder / "up")
    environ = {"PATH": f"{stand_in.parent}:{os.environ['PATH']}"}
    done = subprocess.run([folder / "up", *words], env=environ, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_first_start_makes_the_secrets_and_the_next_leaves_them_as_they_are(tmp_path: Path) -> None:
    assert started(tmp_path) == (
        0,
        "compose --file compose.yaml --project-name threerings --profile asterisk up --build --detach --wait\n",
    )
    secrets = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert all(len(text) >= 32 and text.isascii() and text.isprintable() for text in secrets.values())
    assert len(set(secrets.values())) == len(secrets)
    assert secrets["database"] in secrets["database_url"]
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()} == {0o444}
    started(tmp_path)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == secrets


def test_sample_traffic_is_a_project_of_its_own_so_that_its_calls_never_come_among_real_ones(tmp_path: Path) -> None:
    _, told = started(tmp_path, "traffic", "--no-build")
    assert "--project-name threerings-traffic --profile traffic up" in told
    assert told.endswith("--wait --no-build\n")
    code, told = started(tmp_path, "trafic")
    assert (code, told) == (2, "docker/up: 'trafic' is neither asterisk nor traffic\n")
