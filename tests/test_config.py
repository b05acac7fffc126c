"""Every fault at once, each one line with its remedy; no secret ever shown."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from telephony.config import Address, Config, ConfigFaults, load
from telephony.configfile import dotted

URL = "'postgresql://threerings@127.0.0.1/threerings'"
SECTIONS = (
    "agent, agi, branch, cases, customers, data_dir, database, desk, hours, http, journal, line, number, pbx, people, "
    "queue, ring, screenpop, script, standard, supervisor, timezone, wall, webhook"
)
QUOTED = '"mon-fri 08:30-17:30"'
PERIOD = "mon-fri 08:30-17:30"
PBX = '[[pbx]]\nname = "pbx1"\nusername = "three"\nsecret = "hunter2"\n'


def faults_of(text: str, tmp_path: Path, **environ: str) -> tuple[str, ...]:
    file = tmp_path / "t.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigFaults) as caught:
        load(file, environ)
    assert "hunter2" not in str(caught.value)
    return caught.value.faults


def config_of(text: str, tmp_path: Path, **environ: str) -> Config:
    file = tmp_path / "t.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, environ)


def test_the_example_of_the_interface_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "pbx1.secret").write_text("hunter2\n")
    config = config_of(
        """
        timezone = "Asia/Shanghai"
        data_dir = "/var/lib/threerings"
        [database]
        url = "postgresql://u:p@h/d"
        [http]
        listen = "[::1]:8080"
        [agi]
        listen = "127.0.0.1:4573"
        allow = ["127.0.0.0/8", "::1/128"]
        deadline_ms = 300
        [ring]
        period_seconds = 5.0
        [standard]
        rings = 3
        [[pbx]]
        name = "pbx1"
        username = "threerings"
        secret_file = "pbx1.secret"
        trunks = ["PJSIP/trunk"]
        [[queue]]
        name = "support"
        title = "客户咨询"
        service_level_seconds = 20
        [[line]]
        name = "front-desk"
        interface = "PJSIP/8001"
        [[branch]]
        name = "changzhi"
        queues = ["support", "unlisted"]
        lines = ["front-desk"]
        """,
        tmp_path,
    )
    assert config.pbx[0].secret.get_secret_value() == "hunter2"
    assert config.http.listen == Address("::1", 8080)
    assert str(config.http.listen) == "[::1]:8080"
    assert str(config.agi.listen) == "127.0.0.1:4573"
    assert config.database_url() == "postgresql://u:p@h/d"
    assert config.ring_period.total_seconds() == 5
    assert config.zone.key == "Asia/Shanghai"
    assert "hunter2" not in repr(config)
    assert "u:p" not in repr(config)


def test_all_faults_come_at_once_each_with_its_remedy(tmp_path: Path) -> None:
    faults = faults_of(
        """
        timezone = "Asia/Nowhere"
        htpp = 1
        qqqqqqqq = 1
        [database]
        url = "mysql://u:hunter2@x"
        [http]
        listen = "8080"
        [ring]
        period_seconds = 0
        [[pbx]]
        name = "a"
        usrname = "x"
        secret = "hunter2"
        secert = "hunter2"
        port = "abc"
        [[pbx]]
        name = "a"
        username = " x"
        secret_file = "nope"
        [[pbx]]
        name = "b"
        username = "x"
        secret = ""
        [[queue]]
        name = " q"
        [[branch]]
        name = "b"
        lines = ["l1"]
        queues = ["q"]
        [[branch]]
        name = "c"
        queues = ["q", 5]
        """,
        tmp_path,
    )
    assert faults == (
        "pbx[1].secret_file = 'nope': No such file or directory; name a file this user can read",
        "pbx[2].secret: is empty; write the secret of manager.conf",
        "timezone = 'Asia/Nowhere': should be the name of a time zone; for example 'Asia/Shanghai'",
        'database.url: should begin with "postgresql://", or be "embedded"; for example ' + URL,
        "http.listen = '8080': should be HOST:PORT with a port up to 65535; for example '127.0.0.1:8080'",
        "ring.period_seconds = 0: should be greater than 0; for example 5.0",
        "pbx[0].port = 'abc': should be a valid integer, unable to parse string as an integer; for example 5038",
        "pbx[0].username: is missing; for example 'threerings'",
        "pbx[0].usrname: is not a known key; did you mean 'username'?",
        "pbx[0].secert: is not a known key; did you mean 'secret'?",
        "queue[0].name = ' q': should be printable, without blanks at its ends; for example 'support'",
        "branch[1].queues[1] = 5: should be a valid string; for example ['support']",
        "htpp: is not a known key; did you mean 'http'?",
        "qqqqqqqq: is not a known key; known here: " + SECTIONS,
        "pbx[1].name = 'a': is there twice; give each its own name",
        "branch[1].queues = 'q': is in another branch already; leave it in one",
        "branch[0].lines = 'l1': is no known line; add a [[line]] of that name or take it out",
    )


@pytest.mark.parametrize("section", ["pbx", "queue", "line", "branch"])
def test_a_name_may_be_there_once(section: str, tmp_path: Path) -> None:
    more = {"pbx": 'username="x"\nsecret="y"\n', "line": 'interface="PJSIP/1"\n'}.get(section, "")
    faults = faults_of(f'[[{section}]]\nname="a"\n{more}' * 2, tmp_path)
    assert faults == (f"{section}[1].name = 'a': is there twice; give each its own name",)


def test_what_inbound_is_asked_about_is_one_line_a_number(tmp_path: Path) -> None:
    config = config_of(
        """
        [agi]
        scripts = "agi"
        [[number]]
        dialled = "4001"
        queue = "support"
        priority = 5
        hours = "office"
        [[hours]]
        name = "office"
        open = ["mon-fri 08:30-17:30"]
        closed = ["2026-10-01"]
        [[script]]
        name = "pin"
        run = "pin.py:check"
        """,
        tmp_path,
    )
    assert config.agi.scripts == tmp_path / "agi"
    office = config.calendars()["office"]
    assert office.is_open(datetime(2026, 3, 2, 1, tzinfo=UTC))  # Monday 09:00 in Shanghai
    assert not office.is_open(datetime(2026, 10, 1, 1, tzinfo=UTC))


def test_scripts_are_beside_the_configuration_if_nothing_is_said(tmp_path: Path) -> None:
    assert config_of("", tmp_path).agi.scripts == tmp_path / "scripts"


def test_numbers_hours_and_scripts_that_cannot_be_are_said_so(tmp_path: Path) -> None:
    faults = faults_of(
        """
        [[number]]
        dialled = "4001"
        hours = "never"
        [[number]]
        dialled = "4001"
        [[hours]]
        name = "office"
        open = ["always"]
        [[script]]
        name = "inbound"
        run = "x.py"
        [[script]]
        name = "a b"
        run = "x.py"
        """,
        tmp_path,
    )
    assert faults == (
        "script[1].name = 'a b': should be 1 to 64 letters, digits, dots, hyphens or underscores; for example 'pin'",
        f"hours[0].open[0] = 'always': should be days and times like {QUOTED}; for example [{PERIOD!r}]",
        "number[1].dialled = '4001': is there twice; give each its own number",
        "script[0].name = 'inbound': is a route of Three Rings itself; choose another name",
        "number[0].hours = 'never': are no known hours; add [[hours]] of that name or take it out",
    )


@pytest.mark.parametrize("keys", ["", 'secret="hunter2"\nsecret_file="x"\n'])
def test_exactly_one_of_secret_and_secret_file_is_given(keys: str, tmp_path: Path) -> None:
    [fault] = faults_of(f'[[pbx]]\nname="a"\nusername="u"\n{keys}', tmp_path)
    assert fault.endswith("give exactly one of secret and secret_file")


def test_a_certificate_must_be_there_and_of_use(tmp_path: Path) -> None:
    assert faults_of(PBX + 'tls_ca = "ca.pem"\n', tmp_path) == (
        "pbx[0].tls_ca = 'ca.pem': No such file or directory; name a PEM file this user can read",
        "pbx[0].tls_ca = 'ca.pem': is given without tls; add tls = true, or take it out",
    )
    (tmp_path / "ca.pem").touch()
    assert config_of(PBX + 'tls = true\ntls_ca = "ca.pem"\n', tmp_path).pbx[0].tls_ca == tmp_path / "ca.pem"


def test_a_secret_that_is_no_text_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"\xff")
    [fault] = faults_of('[[pbx]]\nname="a"\nusername="u"\nsecret_file="s"\n', tmp_path)
    assert fault == "pbx[0].secret_file = 's': is not UTF-8 text; name a file this user can read"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    config = config_of(
        PBX + '[http]\nlisten="127.0.0.1:1"\n',
        tmp_path,
        THREERINGS__HTTP__LISTEN="127.0.0.1:2",
        THREERINGS__TIMEZONE="UTC",
        THREERINGS__PBX__0__SECRET="other",
        THREERINGS__PBX__1__NAME="pbx2",
        THREERINGS__PBX__1__USERNAME="u",
        THREERINGS__PBX__1__SECRET="[not json",
        THREERINGS__PBX__1__TLS="yes",
        THREERINGS__AGI__ALLOW='["10.0.0.0/8"]',
        THREERINGS__LINE__0__NAME="l",
        THREERINGS__LINE__0__INTERFACE="PJSIP/1",
        OTHER="x",
    )
    assert (config.http.listen.port, config.timezone) == (2, "UTC")
    assert [pbx.secret.get_secret_value() for pbx in config.pbx] == ["other", "[not json"]
    assert (config.pbx[1].tls, str(config.agi.allow[0]), config.line[0].name) == (True, "10.0.0.0/8", "l")


@pytest.mark.parametrize("name", ["PBX__7__X", "PBX__X__NAME", "TIMEZONE__X", "", "HTTP____X"])
def test_a_variable_that_names_no_place_is_a_fault(name: str, tmp_path: Path) -> None:
    faults = faults_of(
        PBX + 'timezone = "UTC"\n' if False else 'timezone = "UTC"\n' + PBX, tmp_path, **{f"THREERINGS__{name}": "1"}
    )
    assert faults[0] == f"THREERINGS__{name}: names no place in the configuration; write THREERINGS__SECTION__KEY"


def test_an_unknown_variable_is_a_fault_like_an_unknown_key(tmp_path: Path) -> None:
    assert faults_of(PBX, tmp_path, THREERINGS__HTTP__LISTN="x") == (
        "http.listn: is not a known key; did you mean 'listen'?",
    )


def test_metrics_that_other_machines_can_read_need_a_token(tmp_path: Path) -> None:
    [fault] = faults_of('[http]\nlisten="0.0.0.0:8080"\n', tmp_path)
    assert fault.startswith(
        "http.metrics_token: is missing, and http.listen = '0.0.0.0:8080' is open to other machines;"
    )
    assert config_of('[http]\nlisten="pbx.local:80"\nmetrics_token="0123456789abcdef"\n', tmp_path).http.metrics_token
    [fault] = faults_of('[http]\nmetrics_token="hunter2"\n', tmp_path)
    assert fault == "http.metrics_token: should have at least 16 characters, all ASCII; for example 'f3b0c4429a1c149a'"
    assert config_of('[http]\nlisten="localhost:80"\n', tmp_path).http.listen.loopback


def test_without_a_database_the_commands_that_need_one_say_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigFaults, match=r"^database\.url: is missing; for example"):
        config_of("", tmp_path).database_url()


def test_files_that_cannot_be_read_are_said_so(tmp_path: Path) -> None:
    bad = tmp_path / "t.toml"
    for content, said in ((b"\xff", "is not UTF-8 text"), (b"a = ", "is not TOML")):
        bad.write_bytes(content)
        with pytest.raises(ConfigFaults, match=said):
            load(bad, {})
    with pytest.raises(ConfigFaults, match="No such file"):
        load(None, {"THREERINGS_CONFIG": str(tmp_path / "none")})


def test_the_file_here_is_read_if_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(None, {}).timezone == "Asia/Shanghai"
    (tmp_path / "threerings.toml").write_text('timezone = "UTC"\n')
    assert load(None, {}).timezone == "UTC"


def test_a_table_of_the_wrong_shape_is_the_models_to_refuse(tmp_path: Path) -> None:
    faults = faults_of('pbx = ["x"]\nqueue = 1\n[[branch]]\nname="b"\nqueues=1\n', tmp_path)
    assert [fault.split(":")[0].split(" ")[0] for fault in faults] == ["pbx[0]", "queue", "branch[0].queues"]


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    [fault] = faults_of(f'timezone = "{"x" * 500}"\n', tmp_path)
    assert len(fault) < 200
    assert dotted(("a", 0, "b")) == "a[0].b"


def test_every_key_is_explained() -> None:
    text = (Path(__file__).parents[1] / "docs" / "configuration.md").read_text(encoding="utf-8")
    for name, field in Config.model_fields.items():
        assert f"`{name}" in text or f"[{name}]" in text
        model = field.annotation
        inner = model if hasattr(model, "model_fields") else next(iter(getattr(model, "__args__", [])), None)
        for key in getattr(inner, "model_fields", {}):
            assert f"`{key}`" in text, f"{name}.{key}"


@pytest.mark.parametrize("value", ['{"secret": "hunter2"', "hunter2", '["hunter2"]', '"hunter2"'])
@pytest.mark.parametrize("place", ["PBX__0", "PBX", "DATABASE", "HTTP"])
def test_what_stands_in_the_place_of_a_table_is_not_shown(place: str, value: str, tmp_path: Path) -> None:
    assert faults_of("", tmp_path, **{f"THREERINGS__{place}": value})


def test_an_entry_of_a_plain_list_is_shown(tmp_path: Path) -> None:
    (fault,) = faults_of(PBX + "trunks = [5]\n", tmp_path)
    assert fault.startswith("pbx[0].trunks[0] = 5: ")


AGENT = '[[agent]]\nname = "1001"\ninterfaces = ["PJSIP/1001"]\n'
TOKEN = "0123456789abcdef"


def test_agents_and_supervisors_have_tokens_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "zhao").write_text("fedcba9876543210\n")
    config = config_of(
        PBX + AGENT + f'pbx = "pbx1"\ntoken = "{TOKEN}"\n[[supervisor]]\nname = "zhao"\ntoken_file = "zhao"\n'
        '[http]\norigins = ["https://Calls.example.com:8443"]\n',
        tmp_path,
    )
    assert config.agent[0].token.get_secret_value() == TOKEN
    assert config.supervisor[0].token.get_secret_value() == "fedcba9876543210"
    assert config.http.origins == ("https://calls.example.com:8443",)
    assert TOKEN not in repr(config)


def test_a_queue_log_is_read_here_or_sent_to_us(tmp_path: Path) -> None:
    (tmp_path / "log.token").write_text("fedcba9876543210\n")
    second = PBX.replace("pbx1", "pbx2") + 'queue_log_token_file = "log.token"\n'
    config = config_of(PBX + 'queue_log = "/x/queue_log"\n' + second + PBX.replace("pbx1", "pbx3"), tmp_path)
    assert [pbx.has_queue_log for pbx in config.pbx] == [True, True, False]
    token = config.pbx[1].queue_log_token
    assert token is not None
    assert token.get_secret_value() == "fedcba9876543210"
    assert "fedcba9876543210" not in repr(config)


def test_channel_events_are_read_where_their_file_is_named(tmp_path: Path) -> None:
    config = config_of(PBX + 'cel = "/x/threerings.csv"\n' + PBX.replace("pbx1", "pbx2"), tmp_path)
    assert [pbx.cel for pbx in config.pbx] == [Path("/x/threerings.csv"), None]


def test_every_fault_of_the_token_of_a_queue_log_is_told(tmp_path: Path) -> None:
    second, third, fourth = (PBX.replace("pbx1", f"pbx{n}") for n in (2, 3, 4))
    faults = faults_of(
        PBX
        + f'queue_log = "/x/queue_log"\nqueue_log_token = "{TOKEN}"\n'
        + second
        + f'queue_log_token = "{TOKEN}"\nqueue_log_token_file = "none"\n'
        + third
        + 'queue_log_token = ""\n'
        + fourth
        + 'queue_log_token = "hunter2"\n',
        tmp_path,
    )
    assert set(faults) == {
        "pbx[0].queue_log: is read here, and with queue_log_token it is sent to us, too; take one of them out",
        "pbx[1].queue_log_token: both are given; give exactly one of queue_log_token and queue_log_token_file",
        "pbx[1].queue_log_token: is that of pbx[0].queue_log_token, too; give each its own",
        "pbx[2].queue_log_token: is empty; write a token of at least 16 characters",
        "pbx[3].queue_log_token: should have at least 16 characters, all ASCII; for example 'f3b0c4429a1c149a'",
    }


def test_every_fault_of_agents_and_supervisors_is_told_and_no_token_shown(tmp_path: Path) -> None:
    faults = faults_of(
        PBX
        + AGENT
        + f'token = "{TOKEN}"\n[[agent]]\nname = "1002"\ninterfaces = []\npbx = "pbx9"\n[[agent]]\nname = "1002"\n'
        f'interfaces = ["1002"]\ntoken = "short"\n[[supervisor]]\nname = "zhao"\ntoken = "{TOKEN}"\n'
        '[[supervisor]]\nname = "li"\ntoken = ""\n[http]\norigins = ["calls.example.com/"]\n'
        f'metrics_token = "{TOKEN}"\n',
        tmp_path,
    )
    assert set(faults) == {
        "agent[1].token: neither is given; give exactly one of token and token_file",
        "supervisor[1].token: is empty; write a token of at least 16 characters",
        "http.origins[0] = 'calls.example.com/': should be http(s)://HOST, without a path; for example ['https://calls.example.com']",
        "agent[1].interfaces: is empty, so that nothing is ever shown; name the phones; for example ['PJSIP/1001']",
        "agent[2].interfaces[0] = '1002': should be TECHNOLOGY/NAME; for example ['PJSIP/1001']",
        "agent[2].token: should have at least 16 characters, all ASCII; for example 'f3b0c4429a1c149a'",
        "agent[2].name = '1002': is there twice; give each its own name",
        "agent[0].token: is that of http.metrics_token, too; give each its own",
        "supervisor[0].token: is that of http.metrics_token, too; give each its own",
        "agent[1].pbx = 'pbx9': is no known PBX; add [[pbx]] or take it out",
    }


def test_the_address_of_the_database_and_the_token_of_the_metrics_may_be_in_files(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://three:hunter2@db/three\n")
    (tmp_path / "token").write_text("hunter2-hunter2-hunter2")
    text = '[database]\nurl_file = "url"\n[http]\nlisten = "0.0.0.0:8080"\nmetrics_token_file = "token"\n'
    config = config_of(text, tmp_path)
    assert config.database_url() == "postgresql://three:hunter2@db/three"
    assert config.http.metrics_token is not None
    assert config.http.metrics_token.get_secret_value() == "hunter2-hunter2-hunter2"
    (tmp_path / "token").write_text("")
    assert "http.metrics_token: is empty; write a token of at least 16 characters" in faults_of(text, tmp_path)
    both = faults_of('[database]\nurl = "postgresql://h/d"\nurl_file = "url"\n', tmp_path)
    assert both == ("database.url: both are given; give exactly one of url and url_file",)
    [missing] = faults_of('[database]\nurl_file = "none"\n', tmp_path)
    assert missing.startswith("database.url_file = 'none': No such file or directory")


def test_a_wall_has_a_token_of_its_own_and_perhaps_one_branch(tmp_path: Path) -> None:
    (tmp_path / "lobby").write_text("fedcba9876543210\n")
    config = config_of(
        PBX + '[[branch]]\nname = "north"\n[[wall]]\nname = "lobby"\nbranch = "north"\ntoken_file = "lobby"\n'
        f'[[wall]]\nname = "office"\ntoken = "{TOKEN}"\n',
        tmp_path,
    )
    assert [(wall.name, wall.branch) for wall in config.wall] == [("lobby", "north"), ("office", None)]
    assert config.wall[0].token.get_secret_value() == "fedcba9876543210"
    assert TOKEN not in repr(config)


def test_every_fault_of_a_wall_is_told_and_no_token_shown(tmp_path: Path) -> None:
    faults = faults_of(
        PBX + f'[[supervisor]]\nname = "zhao"\ntoken = "{TOKEN}"\n[[wall]]\nname = "a"\nbranch = "south"\n'
        f'token = "{TOKEN}"\n[[wall]]\nname = "a"\ntoken = "short"\n[[wall]]\nname = "b"\n',
        tmp_path,
    )
    assert set(faults) == {
        "wall[0].branch = 'south': is no known branch; add [[branch]] or take it out",
        "wall[0].token: is that of supervisor[0].token, too; give each its own",
        "wall[1].token: should have at least 16 characters, all ASCII; for example 'f3b0c4429a1c149a'",
        "wall[1].name = 'a': is there twice; give each its own name",
        "wall[2].token: neither is given; give exactly one of token and token_file",
    }


HANDS = PBX + 'actions_username = "does"\nactions_secret_file = "does"\n'


def test_the_logins_that_act_come_with_their_secrets_and_calls_with_one_context(tmp_path: Path) -> None:
    (tmp_path / "does").write_text("hunter3\n")
    config = config_of(HANDS, tmp_path)
    assert config.pbx[0].actions_secret.get_secret_value() == "hunter3"
    assert "hunter3" not in repr(config)
    assert config.pbx[0].click_to_call_username is None
    calls = 'click_to_call_username = "calls"\nclick_to_call_secret = "s"\n'
    assert config_of(HANDS + calls + 'click_to_call_context = "out"\n', tmp_path).pbx[0].click_to_call_context == "out"
    (alone,) = faults_of(HANDS + calls, tmp_path)
    assert alone == "pbx[0].click_to_call_context: goes with click_to_call_username; give both, or neither"
    (bad,) = faults_of(HANDS + calls + 'click_to_call_context = "a,b"\n', tmp_path)
    assert bad.startswith("pbx[0].click_to_call_context = 'a,b': should be the name of a context")
    (same,) = faults_of(HANDS.replace('"does"\n', '"three"\n', 1), tmp_path)
    assert same == "pbx[0].actions_username: is the name of another login; give each its own"
    (nobody,) = faults_of(PBX + 'actions_secret = "hunter4"\n', tmp_path)
    assert nobody == "pbx[0].actions_username: is missing, and its secret is given; add it"
    (neither,) = faults_of(PBX + 'actions_username = "does"\n', tmp_path)
    assert neither.endswith("give exactly one of actions_secret and actions_secret_file")


def test_wrap_up_and_pauses_are_told_apart(tmp_path: Path) -> None:
    (unknown,) = faults_of('[desk]\nwrap_up_pause = "later"\n', tmp_path)
    assert unknown.startswith("desk.wrap_up_pause = 'later': is no wrap-up; name it in standard.wrap_up_pauses")
    (both,) = faults_of('[desk]\npauses = ["ACW"]\n', tmp_path)
    assert both == "desk.pauses = 'ACW': is wrap-up by standard.wrap_up_pauses; take it out of one of them"
