"""A configuration that no person meant: a fault in one line each, and nothing that hangs or ends in a traceback."""

import os
from pathlib import Path

import pytest

from telephony.config import ConfigFaults, load
from telephony.regularfile import read
from tests.support.users import as_somebody, folder_for_all
from tests.test_config import PBX, config_of, faults_of


@pytest.mark.parametrize("section", ["queue", "hours", "line", "branch", "script", "pbx"])
@pytest.mark.parametrize("value", ['["a"]', '{a = "b"}'])
def test_a_name_that_is_a_list_or_a_table_is_one_fault(section: str, value: str, tmp_path: Path) -> None:
    more = {"pbx": 'username="x"\nsecret="y"', "line": 'interface="PJSIP/1"', "script": 'run="x.py"'}
    more["hours"] = 'open=["mon 08:00-09:00"]'
    [fault] = faults_of(f"[[{section}]]\nname={value}\n{more.get(section, '')}\n", tmp_path)
    assert fault.startswith(f"{section}[0].name: should be a valid string")


def test_a_number_is_one_and_what_the_environment_says_is_no_name_either(tmp_path: Path) -> None:
    [fault] = faults_of('[[number]]\ndialled = ["4001", "4002"]\n', tmp_path)
    assert fault == "number[0].dialled: should be a valid string; for example '4001'"
    [fault] = faults_of(PBX, tmp_path, THREERINGS__PBX__0__NAME='["a"]')
    assert fault == "pbx[0].name: should be a valid string; for example 'pbx1'"
    [fault] = faults_of(PBX, tmp_path, THREERINGS__PBX__0__TRUNKS="[" * 100_000)
    assert fault.startswith("pbx[0].trunks = '[[[")
    [fault] = faults_of(PBX, tmp_path, **{f"THREERINGS__PBX__{'9' * 5_000}__NAME": "a"})
    assert "names no place in the configuration" in fault


@pytest.mark.parametrize("key", ["secret_file", "tls_ca"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x" * 300, "File name too long"),
        ("a\\u0000b", "is no name of a file"),
        ("fifo", "is no regular file"),
        ("/dev/zero", "is no regular file"),
        (".", "is no regular file"),
        ("loop", "Too many levels of symbolic links"),
        ("huge", "is larger than"),
    ],
)
def test_only_regular_files_of_bearable_size_are_read(key: str, name: str, said: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(17_000_000)
    more = 'secret = "hunter2"\ntls = true' if key == "tls_ca" else ""
    [fault] = faults_of(f'[[pbx]]\nname="a"\nusername="u"\n{more}\n{key}="{name}"\n', tmp_path)
    assert fault.startswith(f"pbx[0].{key} = ")
    assert said in fault


def test_a_file_that_tells_no_size_is_read_to_its_limit() -> None:
    assert b"Name:" in read(Path("/proc/self/status"), 100_000)
    with pytest.raises(OSError, match="is larger than 0 MB"):
        read(Path("/proc/self/status"), 10)


def test_a_file_that_becomes_another_one_while_it_is_opened_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(Path, "stat", lambda _: os.stat(tmp_path / "file"))  # noqa: PTH116
    with pytest.raises(OSError, match="is no regular file"):
        read(Path("/dev/null"), 10)


def test_a_link_to_a_secret_will_do(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("hunter2\r\n")
    (tmp_path / "link").symlink_to("real")
    config = config_of('[[pbx]]\nname="a"\nusername="u"\nsecret_file="link"\n', tmp_path)
    assert config.pbx[0].secret.get_secret_value() == "hunter2"


@pytest.mark.parametrize("key", ["data_dir", "scripts", "queue_log"])
def test_a_path_without_control_characters_is_asked_for(key: str, tmp_path: Path) -> None:
    line = f'{key} = "a\\u0000b"\n'
    text = {"data_dir": line, "scripts": f"[agi]\n{line}", "queue_log": PBX + line}[key]
    [fault] = faults_of(text, tmp_path)
    assert "should be a path without control characters" in fault


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = " + b"9" * 5_000, "is not TOML"),
        (b"a = " + b"[" * 3_000 + b"]" * 3_000, "brackets within brackets"),
    ],
)
def test_a_file_that_is_too_much_for_the_reader_is_one_fault(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_bytes(content)
    with pytest.raises(ConfigFaults, match=said) as caught:
        load(tmp_path / "t.toml", {})
    assert len(caught.value.faults) == 1


@pytest.mark.parametrize("place", ["/dev/zero", "fifo", "."])
def test_the_configuration_itself_is_a_regular_file(place: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ConfigFaults, match=r"^--config = .*: is no regular file; name a readable file$"):
        load(tmp_path / place, {})


@pytest.mark.parametrize(
    ("http", "agi", "collide"),
    [
        ("127.0.0.1:9", "127.0.0.1:9", True),
        ("localhost:9", "127.0.0.1:9", True),
        ("127.0.0.1:9", "0.0.0.0:9", True),
        ("127.0.0.1:9", "*:9", True),
        ("[::1]:9", "127.0.0.1:9", False),
        ("127.0.0.1:0", "127.0.0.1:0", False),
        ("127.0.0.1:9", "127.0.0.1:10", False),
    ],
)
def test_pages_and_fastagi_have_an_address_each(http: str, agi: str, collide: bool, tmp_path: Path) -> None:
    text = f'[http]\nlisten="{http}"\n[agi]\nlisten="{agi}"\n'
    if not collide:
        assert str(config_of(text, tmp_path).agi.listen) == agi
        return
    [fault] = faults_of(text, tmp_path)
    assert fault.startswith(f"agi.listen = '{agi}': http.listen = '{http}' has that port already; give each")


def test_an_address_that_is_not_said_collides_as_well(tmp_path: Path) -> None:
    [fault] = faults_of('[http]\nlisten="127.0.0.1:4573"\n', tmp_path)
    assert fault.startswith("agi.listen = '127.0.0.1:4573': http.listen")


def test_who_may_ask_is_written_as_networks_and_is_somebody(tmp_path: Path) -> None:
    [fault] = faults_of("[agi]\nallow = [5]\n", tmp_path)
    assert fault == "agi.allow[0] = 5: should be a network in quotes; for example ['127.0.0.0/8']"
    [fault] = faults_of("[agi]\nallow = []\n", tmp_path)
    assert fault.startswith("agi.allow: is empty, so that nobody may ask")


def test_hours_that_are_never_are_no_hours(tmp_path: Path) -> None:
    [fault] = faults_of('[[hours]]\nname="never"\nopen=[]\n', tmp_path)
    assert fault.startswith("hours[0].open: is empty, so that it is never open")
    [fault] = faults_of('[[hours]]\nname="day"\nopen=["mon 09:00-09:00"]\n', tmp_path)
    assert "the whole day is 00:00-24:00" in fault


def test_a_certificate_in_a_closed_folder_is_one_fault() -> None:
    with folder_for_all() as place:
        (place / "closed").mkdir()
        (place / "closed" / "ca.pem").touch()
        (place / "closed").chmod(0)
        (place / "t.toml").write_text(PBX + 'tls = true\ntls_ca = "closed/ca.pem"\n')
        with as_somebody(), pytest.raises(ConfigFaults) as caught:
            load(place / "t.toml", {})
        (place / "closed").chmod(0o700)
    assert caught.value.faults == (
        "pbx[0].tls_ca = 'closed/ca.pem': Permission denied; name a PEM file this user can read",
    )


@pytest.mark.parametrize(
    "name", ["pbx1", "pbx-1.lan", "pbx.lan.", "127.0.0.1", "::1", "fe80::1%eth0", "asterisk_1", "长治.lan"]
)
def test_a_pbx_is_at_an_address_or_a_machine(name: str, tmp_path: Path) -> None:
    assert config_of(f'{PBX}host = "{name}"\n', tmp_path).pbx[0].host == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "pbx..lan",
        "a" * 64 + ".lan",
        ("a" * 60 + ".") * 5,
        "pbx lan",
        "pbx1 ",
        "pbx1:5038",
        "[::1]",
        "a\\u0000b",
    ],
)
def test_where_nobody_can_be_no_pbx_is(name: str, tmp_path: Path) -> None:
    [fault] = faults_of(f'{PBX}host = "{name}"\n', tmp_path)
    assert "should be an address or the name of a machine, without a port; for example '127.0.0.1'" in fault


@pytest.mark.parametrize("listen", ["a..b:80", ":80", "a b:80", "a" * 64 + ":80"])
def test_where_nobody_can_be_nobody_listens(listen: str, tmp_path: Path) -> None:
    [fault] = faults_of(f'[agi]\nlisten = "{listen}"\n', tmp_path)
    assert "should be HOST:PORT with a port up to 65535" in fault


@pytest.mark.parametrize("name", [".", "..", "长" * 29, "\\u00e9" * 43])
def test_a_pbx_after_which_no_folder_can_be_named_is_a_fault(name: str, tmp_path: Path) -> None:
    [fault] = faults_of(PBX.replace('"pbx1"', f'"{name}"'), tmp_path)
    assert fault.startswith("pbx[0].name = ")
    assert "should " in fault
    assert "folder" in fault


@pytest.mark.parametrize("name", ["...", ".a", "长" * 28, "a" * 64])
def test_a_name_that_just_makes_a_folder_will_do(name: str, tmp_path: Path) -> None:
    assert config_of(PBX.replace('"pbx1"', f'"{name}"'), tmp_path).pbx[0].name == name
