"""The file by which a gateway invites a kiosk: TOML into a checked value. `krishi-gateway enrol` writes it.

No error repeats the token.
"""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from edge_daemon.errors import ConfigError

BOOT = Path("/boot/firmware/krishi-enrol.toml")
"""Where a technician puts it: the one part of a card that any computer writes."""
MOST_BYTES = 16_384


class Invitation(BaseModel):
    """What lets this kiosk enrol once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    kiosk: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,30}[a-z0-9]$")]
    site: Annotated[str, Field(min_length=1, max_length=200)]
    token: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,100}$", repr=False)]
    expires: datetime
    """For whoever reads the file. The gateway's clock decides."""
    enrolment: str
    """https://host:port"""
    broker: str
    """mqtts://host:port"""
    authority: Annotated[
        str, Field(pattern=r"^\s*-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----\s*$")
    ]
    """The gateway's: the one certificate that the kiosk trusts. PEM."""

    @field_validator("enrolment")
    @classmethod
    def _is_https(cls, url: str) -> str:
        return _checked(url, "https")

    @field_validator("broker")
    @classmethod
    def _is_mqtts(cls, url: str) -> str:
        return _checked(url, "mqtts")


def read(path: Path) -> Invitation:
    """The invitation in a file. Raises ConfigError, naming the file and the key."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ConfigError(f"{path}: is no invitation: it has more than {MOST_BYTES} bytes.")
        return parse(data.decode("utf-8"), str(path))
    except OSError as why:
        raise ConfigError(f"{path}: cannot be read: {why.strerror}. Name the file that the gateway wrote.") from why
    except UnicodeDecodeError as why:
        raise ConfigError(f"{path}: is no invitation: it is not UTF-8 text.") from why


def parse(text: str, name: str) -> Invitation:
    """The invitation in this text; `name` is what errors call it. Raises ConfigError."""
    try:
        return Invitation.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as why:
        raise ConfigError(f"{name}: is no invitation: it is not TOML: {why}.") from why
    except ValidationError as why:
        raise ConfigError("\n".join(f"{name}: {_sentence(error)}" for error in why.errors())) from why


def _checked(url: str, scheme: str) -> str:
    address = urlsplit(url)
    if address.scheme != scheme or not address.hostname or not address.port:  # no number: ValueError here
        raise ValueError(f"is not {scheme}://host:port")
    return url


def _sentence(error: object) -> str:
    assert isinstance(error, dict)
    key = ".".join(map(str, error["loc"])) or "the file"
    if error["type"] == "extra_forbidden":
        return f"{key}: no such key in an invitation. It may be of a newer gateway: update the kiosk."
    return f"{key}: {str(error['msg']).removeprefix('Value error, ')}. Ask for a new invitation."
