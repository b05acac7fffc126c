"""`[[webhook]]`: who else is told what happens to cases, call backs and calls; `[screenpop]`: the way into a CRM."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from telephony.configsection import Name, Section
from telephony.webhooks.signing import key_of

EVERYTHING = ("case.*", "callback.*")
POP = "call.ringing"
PLACEHOLDERS = ("case_id", "call_id", "queue", "dialled")
NUMBER = "caller"
MOST_URL = 2_000


def _event(value: str) -> str:
    if value != POP and re.fullmatch(r"(case|callback)\.(\*|[a-z_]{1,40})", value) is None:
        raise ValueError(f"should be case.*, callback.*, one of these by name, as case.closed, or {POP}")
    return value


def _some(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("is empty, so that nothing is ever told; name what is")
    return value


def _secret(value: SecretStr) -> SecretStr:
    if value.get_secret_value():  # `secrets` says that it is empty, or missing
        key_of(value.get_secret_value())
    return value


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _address(value: str) -> str:
    """An http(s) address of a host, without a user.

    Raises:
        ValueError: it is none.
    """
    told = "should be https://HOST/… in ASCII, without a user and without #"
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value or len(value) > MOST_URL:
        raise ValueError(told)
    try:
        parts = urlsplit(value)
        fine = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(told) from None
    if not fine or parts.scheme not in {"https", "http"} or "@" in parts.netloc or "#" in value:
        raise ValueError(told)
    return value


def _url(value: SecretStr) -> SecretStr:
    _address(value.get_secret_value())
    return value


def _template(value: str) -> str:
    named = re.findall(r"\{([^{}]*)\}", value)
    if not {*named} <= {*PLACEHOLDERS, NUMBER} or len(named) != value.count("{") or len(named) != value.count("}"):
        raise ValueError(f"should have no placeholders but {', '.join(f'{{{one}}}' for one in PLACEHOLDERS)}")
    filled = _address(re.sub(r"\{[^{}]*\}", "x", value))
    parts = urlsplit(filled)
    if not value.startswith((f"{parts.scheme}://{parts.netloc}/", f"{parts.scheme}://{parts.netloc}?")):
        raise ValueError("should have placeholders behind the host alone")
    if parts.scheme == "http" and not _loopback(parts.hostname or ""):
        raise ValueError("should begin with https://")
    return value


class Webhook(Section):
    """A receiver. `secret` holds the content of `secret_file` when given."""

    name: Name = Field(examples=["crm"])
    url: Annotated[SecretStr, AfterValidator(_url)] = Field(examples=["https://crm.example/hooks/threerings"])
    secret: Annotated[SecretStr, AfterValidator(_secret)] = Field(default=SecretStr(""), examples=["whsec_…"])
    secret_file: Path | None = Field(default=None, examples=["/etc/threerings/crm.secret"])
    events: Annotated[tuple[Annotated[str, AfterValidator(_event)], ...], AfterValidator(_some)] = Field(
        default=EVERYTHING, examples=[["case.closed", "callback.*"]]
    )
    private: bool = Field(default=False, examples=[True])
    """It is within our network, or on this machine; else nothing is ever sent there."""
    caller: bool = Field(default=False, examples=[True])
    """`call.ringing` tells the caller's number, too."""
    give_up_hours: float = Field(default=24, gt=0, le=720, allow_inf_nan=False, examples=[24])
    """So long an event is tried; then it waits for a person."""

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        parts = urlsplit(self.url.get_secret_value())
        if parts.scheme == "http" and not (self.private and _loopback(parts.hostname or "")):
            raise ValueError("url: should begin with https://; http:// is for this machine, with private = true")
        return self

    def wants(self, topic: str) -> bool:
        """Whether it is told of this."""
        return topic in self.events or f"{topic.partition('.')[0]}.*" in self.events


class ScreenPop(Section):
    """What the pop offers beside itself."""

    crm_url: Annotated[str, AfterValidator(_template)] | None = Field(
        default=None, examples=["https://crm.example/open?case={case_id}"]
    )
    """Where a key on the desk leads; placeholders are filled in percent-encoded."""
    crm_number: bool = Field(default=False, examples=[True])
    """`{caller}` is allowed: numbers then stand in addresses, and in the logs of whoever serves them."""

    @model_validator(mode="after")
    def _without_number(self) -> Self:
        if self.crm_url is not None and f"{{{NUMBER}}}" in self.crm_url and not self.crm_number:
            raise ValueError(
                "crm_url: {caller} puts numbers into addresses, which are logged; if that is meant, crm_number = true"
            )
        return self
