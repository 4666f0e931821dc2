"""The kiosk's settings: TOML into checked models. The defaults are a complete simulated kiosk.

Back ends are named, never guessed and never a fallback. A photo from a folder, or a simulated modem, makes the whole
kiosk a rehearsal; a kiosk that is not one refuses to start with either: no farmer is texted about a stock photo.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge_daemon.errors import ConfigError

SYSTEM_FILE = Path("/etc/krishi-sandesh/kiosk.toml")
SECRETS = {"sim_pin"}
"""Keys whose values no error repeats."""


class Section(BaseModel):
    """A table of the file. A key that it does not have is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kiosk(Section):
    """Which kiosk this is."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,30}[a-z0-9]$")] = "rehearsal-1"
    rehearsal: bool = True
    """Simulated parts are allowed, and every report says so. A kiosk in a village sets this to false."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    """For a visit that names none."""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "IN"
    """Where a telephone number without a country code belongs (ISO 3166-1)."""


class State(Section):
    """Where everything that must survive is kept."""

    folder: Path | None = None
    """None: $STATE_DIRECTORY under systemd, else ~/.local/state/krishi-sandesh."""
    photos_mb: Annotated[int, Field(ge=0, le=100_000)] = 512
    """The oldest photos are removed above this many MB."""

    def path(self) -> Path:
        """The folder, chosen but not yet made."""
        if self.folder is not None:
            return self.folder.expanduser()
        if under_systemd := os.environ.get("STATE_DIRECTORY"):
            return Path(under_systemd.partition(":")[0])
        base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        return Path(base).expanduser() / "krishi-sandesh"


class FolderCamera(Section):
    """Photos from a folder, in the order of their names, again and again."""

    kind: Literal["folder"] = "folder"
    folder: Path | None = None
    """None: the folder "camera" beside the database."""


class PiCamera(Section):
    """A camera of the Raspberry Pi, owned by a child process."""

    kind: Literal["picamera2"]
    python: Path = Path("/usr/bin/python3")
    """The Python that has picamera2: Pi OS installs it for its own one only."""
    number: Annotated[int, Field(ge=0, le=3)] = 0
    width: Annotated[int, Field(ge=640, le=4656)] = 2304
    height: Annotated[int, Field(ge=480, le=3496)] = 1296
    start_deadline_s: Annotated[float, Field(gt=0, le=60)] = 12.0
    still_deadline_s: Annotated[float, Field(gt=0, le=30)] = 5.0


class SimulatedModem(Section):
    """A modem of our own at the far end of a pty; the driver is the production one."""

    kind: Literal["simulator"] = "simulator"
    log: Path | None = None
    """A file that gets a line of JSON for each SMS part that the simulated network takes. None: no file."""


class SerialModem(Section):
    """A GSM modem on a serial port."""

    kind: Literal["serial"]
    port: str = "/dev/krishi-modem"
    """The name that firmware_config's udev rule gives it."""
    baud: Annotated[int, Field(ge=9600, le=921600)] = 115200
    sim_pin: Annotated[str | None, Field(pattern=r"^[0-9]{4,8}$", repr=False)] = None
    reply_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    """How long a plain command may take."""
    send_s: Annotated[float, Field(gt=0, le=300)] = 60.0
    """How long sending one part may take: AT+CMGS, at most 60 s on SIM800 (SIM800 Series AT Command Manual, 4.2.5)."""


class Web(Section):
    """The visit API on loopback."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8427
    """0: any free port, printed at the start."""


class Model(Section):
    """The models that judge the photos, and pictures to compare with."""

    folder: Path | None = None
    """Holds leaf.tflite and manifest.json. None: the model that was shipped with this program."""
    previous: Path | None = None
    """Used while the model of `folder` cannot be. None: the model that was shipped with this program."""
    references: Path | None = None
    """Holds <crop>/<disease>.jpg, a picture of each disease to show beside the farmer's leaf. None: no pictures."""

    def paths(self) -> tuple[Path, ...]:
        """The models' folders, the one to be used first."""
        return tuple(path.expanduser() if path else _shipped() for path in (self.folder, self.previous))

    def path(self) -> Path:
        """The folder of the model that is to be used."""
        return self.paths()[0]


def _shipped() -> Path:
    package = Path(__file__).parent
    installed = package / "model"
    return installed if installed.is_dir() else package.parent / "model" / "shipped"


class Config(Section):
    """A kiosk.toml."""

    kiosk: Kiosk = Kiosk()
    state: State = State()
    camera: Annotated[FolderCamera | PiCamera, Field(discriminator="kind")] = FolderCamera()
    modem: Annotated[SimulatedModem | SerialModem, Field(discriminator="kind")] = SimulatedModem()
    model: Model = Model()
    web: Web = Web()

    @model_validator(mode="after")
    def _simulated_parts_are_for_rehearsals(self) -> Config:
        simulated = [
            f'[{section}] kind = "{part.kind}"'
            for section, part in (("camera", self.camera), ("modem", self.modem))
            if part.kind in {"folder", "simulator"}
        ]
        if simulated and not self.kiosk.rehearsal:
            raise ValueError(
                f"{' and '.join(simulated)}: only for a rehearsal. "
                "Name the real device, or set [kiosk] rehearsal = true."
            )
        return self


def load(path: Path | None) -> Config:
    """Read a kiosk.toml. None: $KRISHI_CONFIG, else the system's file if there is one, else the embedded defaults.

    Raises ConfigError, naming the file, the section and the key.
    """
    if path is None and (named := os.environ.get("KRISHI_CONFIG")):
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
    """Check the text of a kiosk.toml; `name` is what errors call it. Raises ConfigError."""
    try:
        return Config.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as why:
        raise ConfigError(f"{name}: is not TOML: {why}.") from why
    except ValidationError as why:
        raise ConfigError("\n".join(f"{name}: {_sentence(error)}" for error in why.errors())) from why


def _sentence(error: object) -> str:
    assert isinstance(error, dict)
    place = [str(step) for step in error["loc"]]
    if len(place) > 2 and place[0] in {"camera", "modem"}:
        del place[1]  # the chosen kind: a level of the model that the file does not have
    where = f"[{place[0]}]" + "".join(f" {key}" for key in place[1:]) if place else "the file"
    if error["type"] == "extra_forbidden":
        return f"{where}: no such key here. docs/config.md lists them."
    message = str(error["msg"]).removeprefix("Value error, ")
    if not place or place[-1] in SECRETS:
        return f"{where}: {message}" if place else message
    return f"{where}: {message} (it is {error['input']!r})"
