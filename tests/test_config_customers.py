"""`[customers]`: what is refused at start, and why."""

from pathlib import Path

import pytest

from telephony.config import ConfigFaults, load

URL = "https://crm.example.com/callers"


def loaded(folder: Path, *lines: str) -> object:
    file = folder / "threerings.toml"
    file.write_text("\n".join(["[customers]", *lines]))
    return load(file, {}).customers


def test_by_default_numbers_are_those_of_china_and_no_crm_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "threerings.toml"
    file.write_text("")
    customers = load(file, {}).customers
    assert (customers.numbering.region, customers.numbering.area, customers.crm) == ("CN", "", None)


def test_a_token_comes_from_its_file_and_is_shown_nowhere(tmp_path: Path) -> None:
    (tmp_path / "crm.token").write_text("t0ken\n")
    (tmp_path / "ca.pem").write_text("x")
    crm = f'crm = {{ url = "{URL}", token_file = "crm.token", certificates = "ca.pem", header = "X-Caller" }}'
    customers = loaded(tmp_path, 'region = "HK"', crm)
    assert "t0ken" not in repr(customers)
    assert customers.crm.token.get_secret_value() == "t0ken"  # type: ignore[attr-defined]
    assert customers.crm.certificates == tmp_path / "ca.pem"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('region = "XX"', "customers.region"),
        ('area = "21"', "should be an area code with its 0"),
        ('crm = { url = "http://crm.example.com/" }', "should begin with https://"),
        ('crm = { url = "https://a:b@crm.example.com/" }', "should hold no name or password"),
        ('crm = { url = "https://{number}.example.com/" }', "behind the host"),
        ('crm = { url = "https://crm.example.com:x/" }', "should be an address"),
        ('crm = { url = "https://" }', "should be an address"),
        ('crm = { url = "https://客户.example.com/" }', "should be an address"),
        (f'crm = {{ url = "{URL}/{{number}}", header = "X-Caller" }}', "not in both"),
        (f'crm = {{ url = "{URL}", header = "Host" }}', "a header that is free"),
        (f'crm = {{ url = "{URL}", token = "a\\nb" }}', "printable ASCII"),
        (f'crm = {{ url = "{URL}", token = "a", token_file = "b" }}', "both are given"),
        (f'crm = {{ url = "{URL}", token_file = "b" }}', "name a file this user can read"),
        (f'crm = {{ url = "{URL}", certificates = "none.pem" }}', "name a PEM file this user can read"),
        ("crm = 5", "customers.crm"),
    ],
)
def test_what_cannot_be_is_refused_at_start_with_its_remedy(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ConfigFaults) as refused:
        loaded(tmp_path, line)
    assert said in str(refused.value)


def test_this_machine_may_be_asked_without_tls(tmp_path: Path) -> None:
    for host in ("localhost:9000", "127.0.0.1", "[::1]"):
        assert loaded(tmp_path, f'crm = {{ url = "http://{host}/{{number}}" }}')
