"""`[[webhook]]` and `[screenpop]`: where things may be told, and what may stand in an address."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from telephony.config import ConfigFaults, load

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
GOOD = f'[[webhook]]\nname = "crm"\nurl = "https://crm.example/hook?token=s3cret"\nsecret = "{SECRET}"\n'


def faults(folder: Path, text: str) -> str:
    file = folder / "threerings.toml"
    file.write_text(text)
    with pytest.raises(ConfigFaults) as caught:
        load(file, {})
    assert len(caught.value.faults) == 1, caught.value.faults
    return caught.value.faults[0]


def test_a_receiver_has_a_secret_of_its_own_and_neither_it_nor_its_address_has_a_repr(tmp_path: Path) -> None:
    (tmp_path / "crm.secret").write_text(f"{SECRET}\n")
    file = tmp_path / "threerings.toml"
    file.write_text(GOOD.replace(f'secret = "{SECRET}"', 'secret_file = "crm.secret"\nevents = ["case.closed"]'))
    (one,) = load(file, {}).webhook
    assert one.secret.get_secret_value() == SECRET
    assert "s3cret" not in repr(one)
    assert SECRET not in repr(one)
    assert [one.wants(topic) for topic in ("case.closed", "case.taken", "callback.opened")] == [True, False, False]
    assert "neither is given" in faults(tmp_path, GOOD.replace(f'secret = "{SECRET}"\n', ""))
    assert "24 to 64 random bytes" in (fault := faults(tmp_path, GOOD.replace(SECRET, "whsec_AAAA")))
    assert "AAAA" not in fault
    assert "is there twice" in faults(tmp_path, GOOD + GOOD)


@pytest.mark.parametrize(
    ("url", "more", "fault"),
    [
        ("http://crm.example/hook", "", "should begin with https://"),
        ("http://127.0.0.1:9/hook", "", "should begin with https://"),
        ("http://10.0.0.1/hook", "private = true", "should begin with https://"),
        ("ftp://crm.example/", "", "should be https://HOST"),
        ("https:///hook", "", "should be https://HOST"),
        ("https://me:pw@crm.example/", "", "should be https://HOST"),
        ("https://crm.example/#x", "", "should be https://HOST"),
        ("https://crm.example:99999/", "", "should be https://HOST"),
        ("https://crm.example/hook", "events = []", "is empty"),
        ("https://crm.example/hook", 'events = ["call.ended"]', "should be case.*"),
    ],
)
def test_what_cannot_be_a_receiver_is_refused(tmp_path: Path, url: str, more: str, fault: str) -> None:
    told = faults(tmp_path, GOOD.replace("https://crm.example/hook?token=s3cret", url) + more)
    assert fault in told
    assert "pw@" not in told


def test_on_this_machine_http_will_do_when_it_is_said(tmp_path: Path) -> None:
    file = tmp_path / "threerings.toml"
    for host in ("127.0.0.1:8081", "localhost", "[::1]:8081"):
        file.write_text(GOOD.replace("https://crm.example", f"http://{host}") + "private = true\n")
        assert load(file, {}).webhook[0].private


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://crm.example/{name}", "no placeholders but {case_id}"),
        ("https://crm.example/{case_id", "no placeholders but"),
        ("https://{queue}.example/", "behind the host alone"),
        ("https://crm.example:{case_id}/", "should be https://HOST"),
        ("javascript:alert({case_id})", "should be https://HOST"),
        ("http://crm.example/?case={case_id}", "should begin with https://"),
        ("https://crm.example/?n={caller}", "crm_number = true"),
    ],
)
def test_the_way_into_a_crm_has_placeholders_of_a_closed_list_and_no_number(
    tmp_path: Path, url: str, fault: str
) -> None:
    assert fault in faults(tmp_path, f'[screenpop]\ncrm_url = "{url}"\n')


def test_a_number_stands_in_an_address_only_where_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "threerings.toml"
    file.write_text('[screenpop]\ncrm_url = "https://crm.example/?n={caller}&c={case_id}"\ncrm_number = true\n')
    assert load(file, {}).screenpop.crm_url is not None
