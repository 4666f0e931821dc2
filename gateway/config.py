"""The gateway's settings: TOML into checked models. The defaults are a whole gateway for a laptop: SQLite, loopback."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from gateway.errors import ConfigError

SYSTEM_FILE = Path("/etc/krishi-gateway/gateway.toml")


class Section(BaseModel):
    """A table of the file. A key that it does not have is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class State(Section):
    """Where the gateway keeps its authority, and its database where that is SQLite."""

    folder: Path | None = None
    """None: $STATE_DIRECTORY under systemd, else ~/.local/state/krishi-gateway."""

    def path(self) -> Path:
        """The folder, chosen but not yet made."""
        if self.folder is not None:
            return self.folder.expanduser()
        if under_systemd := os.environ.get("STATE_DIRECTORY"):
            return Path(under_systemd.partition(":")[0])
        base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        return Path(base).expanduser() / "krishi-gateway"


class Database(Section):
    """Where what the kiosks sent is stored."""

    url: str | None = None
    """None: gateway.db in the state folder (SQLite). PostgreSQL: postgresql+psycopg://user@host/name."""

    @field_validator("url")
    @classmethod
    def _is_one_of_two(cls, url: str | None) -> str | None:
        if url is not None and urlsplit(url).scheme not in {"sqlite", "postgresql+psycopg"}:
            raise ValueError("begins with neither sqlite:/// nor postgresql+psycopg://")
        return url


class Broker(Section):
    """The MQTT broker, as the gateway reaches it."""

    url: Annotated[str, Field(pattern=r"^mqtts?://[A-Za-z0-9.\[\]:-]+$")] = "mqtts://127.0.0.1:8883"
    """mqtt:// (no TLS) is for loopback alone."""
    mqtt: Literal[3, 5] = 5
    """3: MQTT 3.1.1."""
    shared: bool = True
    """By a shared subscription, so that there may be several workers. Not every broker has them in MQTT 3.1.1."""
    in_flight: Annotated[int, Field(ge=1, le=65_535)] = 200
    """Batches that the broker hands to one worker before they are stored."""
    reload: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """A program and its arguments that make the broker read its access list and its list of revoked certificates anew,
    such as ["systemctl", "reload", "mosquitto"]. Empty: the operator does it, and is told so."""

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        address = urlsplit(url)
        if not address.hostname or address.port == 0:  # a port that is no number raises ValueError here
            raise ValueError("names no host, or port 0")
        if address.scheme == "mqtt" and address.hostname not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("is without TLS: anybody on the way could read and write. Use mqtts://")
        return url


class Authority(Section):
    """The certificates of the kiosks, and of the broker."""

    certificate_days: Annotated[int, Field(ge=1, le=3650)] = 365
    """Of a kiosk's. It asks for the next after two thirds of them."""
    token_hours: Annotated[float, Field(gt=0, le=720)] = 72.0
    """How long an invitation is good."""


class Enrolment(Section):
    """Where kiosks ask for their certificates, by HTTPS."""

    host: str = "127.0.0.1"
    """The address to listen on; "0.0.0.0" for all."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8443


class Web(Section):
    """The read API and the metrics. They are for those behind the operator's own door: a reverse proxy with a login."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8430


class Ingest(Section):
    """What is taken of one kiosk."""

    hourly_messages: Annotated[int, Field(ge=1, le=10_000_000)] = 5_000
    """A large one counts as one for each 500 bytes. Above this a kiosk's batches are not taken until the hour is over;
    it is told to wait, and keeps its reports."""
    aside_messages: Annotated[int, Field(ge=0, le=1_000_000)] = 1_000
    """Of one kiosk, kept aside because they cannot be read. Further ones are counted alone; what is of a newer version
    stays with its kiosk, which is told to wait."""


class Alerts(Section):
    """When a kiosk is called sick, in the list of kiosks and in the metrics."""

    silent_h: Annotated[float, Field(gt=0, le=1000)] = 26.0
    """Nothing has come of it for so long: a kiosk that opens its link at least once a day missed one."""
    backlog: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """Its outbox holds more, and more than the day before."""
    clock_s: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    """Its clock is off by more."""
    disk_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """Its disk has less room."""
    expires_days: Annotated[int, Field(ge=1, le=365)] = 30
    """Its certificate ends sooner: it should have asked for a new one long ago."""


class Config(Section):
    """A gateway.toml."""

    state: State = State()
    database: Database = Database()
    broker: Broker = Broker()
    authority: Authority = Authority()
    enrolment: Enrolment = Enrolment()
    web: Web = Web()
    ingest: Ingest = Ingest()
    alerts: Alerts = Alerts()

    def database_url(self) -> str:
        """As SQLAlchemy takes it."""
        return self.database.url or f"sqlite:///{self.state.path() / 'gateway.db'}"


def load(path: Path | None) -> Config:
    """Read a gateway.toml. None: $KRISHI_GATEWAY_CONFIG, else the system's file if there is one, else the defaults.

    Raises ConfigError, naming the file, the section and the key.
    """
    if path is None and (named := os.environ.get("KRISHI_GATEWAY_CONFIG")):
        path = Path(named)
    if path is None:
        if not SYSTEM_FILE.exists():
            return Config()
        path = SYSTEM_FILE
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as why:
        raise ConfigError(f"{path}: cannot be read: {why.strerror}. Name another file with --config.") from why
    except UnicodeDecodeError as why:
        raise ConfigError(f"{path}: is not UTF-8 text. Save it again as UTF-8.") from why


def parse(text: str, name: str) -> Config:
    """Check the text of a gateway.toml; `name` is what errors call it. Raises ConfigError."""
    try:
        return Config.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as why:
        raise ConfigError(f"{name}: is not TOML: {why}.") from why
    except ValidationError as why:
        raise ConfigError("\n".join(f"{name}: {_sentence(error)}" for error in why.errors())) from why


def _sentence(error: object) -> str:
    assert isinstance(error, dict)
    place = [str(step) for step in error["loc"]]
    where = f"[{place[0]}]" + "".join(f" {key}" for key in place[1:]) if place else "the file"
    if error["type"] == "extra_forbidden":
        return f"{where}: no such key here. docs/gateway.md lists them."
    if place[:2] == ["database", "url"]:  # it may hold a password
        return f"{where}: {str(error['msg']).removeprefix('Value error, ')}"
    return f"{where}: {str(error['msg']).removeprefix('Value error, ')} (it is {error['input']!r})"
