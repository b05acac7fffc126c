"""`[customers]`: how numbers are written here, and whether a CRM knows who calls."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import phonenumbers
from pydantic import AfterValidator, Field, SecretStr, model_validator

from telephony.configsection import Section
from telephony.customers.numbers import Numbering

NUMBER = "{number}"
RESERVED = frozenset({"host", "content-length", "content-type", "connection", "transfer-encoding", "authorization"})


def _region(value: str) -> str:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError('should be a country of ISO 3166 that has telephones, like "CN"')
    return value


def _area(value: str) -> str:
    if re.fullmatch(r"(0\d{2,5})?", value) is None:
        raise ValueError('should be an area code with its 0, like "021"')
    return value


def _url(value: str) -> str:
    """The host is fixed, and what is told on the way to it cannot be read."""
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise ValueError("should be an address like https://crm.example.com/callers") from None
    if not value.isascii() or not value.isprintable() or " " in value or not host or parts.fragment:
        raise ValueError("should be an address like https://crm.example.com/callers")
    if parts.username is not None or parts.password is not None:
        raise ValueError("should hold no name or password; give token or token_file")
    if NUMBER in parts.netloc:
        raise ValueError("should hold {number} behind the host, if at all")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(host)):
        raise ValueError("should begin with https://, as names and numbers go there; http:// only on this machine")
    return value


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _header(value: str) -> str:
    if re.fullmatch(r"([A-Za-z0-9-]{1,64})?", value) is None or value.lower() in RESERVED:
        raise ValueError('should be the name of a header that is free, like "X-Caller-Number"')
    return value


def _ascii(value: SecretStr) -> SecretStr:
    if not (value.get_secret_value().isascii() and value.get_secret_value().isprintable()):
        raise ValueError("should be printable ASCII")
    return value


class Crm(Section):
    """The house's CRM answers who calls, instead of our own customers."""

    url: Annotated[str, AfterValidator(_url)] = Field(max_length=2_000, examples=["https://crm.example.com/callers"])
    header: Annotated[str, AfterValidator(_header)] = Field(default="", examples=["X-Caller-Number"])
    """The number stands in this header; empty: in the body, or where `url` has {number}."""
    token: Annotated[SecretStr, AfterValidator(_ascii)] = Field(default=SecretStr(""))
    token_file: Path | None = Field(default=None, examples=["/etc/threerings/crm.token"])
    certificates: Path | None = Field(default=None, examples=["/etc/threerings/crm-ca.pem"])
    """Authorities whose certificates are believed; none: the system's."""
    answer_ms: int = Field(default=300, ge=10, le=1_500, examples=[300])
    remember_seconds: float = Field(default=300, ge=0, le=86_400, allow_inf_nan=False, examples=[300])
    remember_most: int = Field(default=10_000, ge=1, le=1_000_000, examples=[10_000])

    @model_validator(mode="after")
    def _one_place(self) -> "Crm":
        if self.header and NUMBER in self.url:
            raise ValueError("should have the number in header or in url, not in both")
        return self


class CustomersSection(Section):
    """Whose numbers these are."""

    region: Annotated[str, AfterValidator(_region)] = Field(default="CN", examples=["CN"])
    """Of numbers without a country code."""
    area: Annotated[str, AfterValidator(_area)] = Field(default="", examples=["021"])
    """Of numbers without an area code; empty: these are nobody's."""
    crm: Crm | None = Field(default=None, examples=[{"url": "https://crm.example.com/callers"}])

    @property
    def numbering(self) -> Numbering:
        """How numbers are written here."""
        return Numbering(self.region, self.area)
