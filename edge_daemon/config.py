"""The kiosk's settings: TOML into checked models. The defaults are a complete simulated kiosk.

Back ends are named, never guessed and never a fallback. A photo from a folder, or a simulated modem, makes the whole
kiosk a rehearsal; a kiosk that is not one refuses to start with either: no farmer is texted about a stock photo.
"""

from __future__ import annotations

import os
import tomllib
from datetime import time
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from edge_daemon.diagnosis import Kind
from edge_daemon.errors import ConfigError

SYSTEM_FILE = Path("/etc/krishi-sandesh/kiosk.toml")
SYSTEM_STATE = Path("/var/lib/krishi-sandesh")
"""What systemd makes of StateDirectory=. A technician's terminal has no $STATE_DIRECTORY, and means this kiosk."""
RANGE = r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$"
"""Of a day, such as "06:00-22:00"."""
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
    """None: $STATE_DIRECTORY under systemd; else, with the system's kiosk.toml, /var/lib/krishi-sandesh where that is;
    else ~/.local/state/krishi-sandesh."""
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
    """The name that firmware_config's udev rule gives it; or a port over the network: socket://host:port (raw octets),
    rfc2217://host:port."""
    profile: Annotated[str, Field(min_length=1)] = "auto"
    """What is peculiar to this kind of modem: a name in firmware_config/modems, or a file that ends in .toml. "auto":
    as the modem says that it is."""
    baud: Annotated[int, Field(ge=9600, le=921600)] = 115200
    sim_pin: Annotated[str | None, Field(pattern=r"^[0-9]{4,8}$", repr=False)] = None
    reply_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    """How long a plain command may take."""
    send_s: Annotated[float | None, Field(gt=0, le=300)] = None
    """How long sending one part may take. None: as the profile says."""
    smsc: Annotated[str | None, Field(pattern=r"^\+?[0-9]{3,20}$")] = None
    """The service centre's number. None: the SIM's own."""
    status_reports: bool = True
    """Ask the network what became of each part. Some plans charge for it."""
    roaming: bool = True
    """Whether a foreign network will do; its SMS may cost more."""
    power_command: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """A program and its arguments that cut the modem's power and give it again: its power key, a relay, its USB port.
    The last remedy for a modem that nothing else brings back. Empty: there is none."""


class SmsRules(Section):
    """What may be sent, how much, and when."""

    daily_parts: Annotated[int, Field(ge=0, le=100_000)] = 100
    """Parts that the SIM may send in any 24 hours; operators' plans often allow 100 a day. 0: as many as there are."""
    minute_parts: Annotated[int, Field(ge=0, le=1000)] = 20
    """Parts in any 60 s. 0: as fast as the modem takes them."""
    kept_for_answers: Annotated[int, Field(ge=0, le=100_000)] = 30
    """Of daily_parts, those that follow-ups must leave to farmers who stand at the kiosk, and to replies."""
    most_parts: Annotated[int, Field(ge=1, le=10)] = 10
    """A text that takes more is refused; above 10 no text goes anyway."""
    quiet_from: time = time(20)
    quiet_until: time = time(8)
    """No follow-up goes between these, local time. Equal: there are no quiet hours."""
    timezone: str = "Asia/Kolkata"
    """Of the quiet hours, as the tz database names it."""
    answer_h: Annotated[float, Field(gt=0, le=1000)] = 168.0
    reply_h: Annotated[float, Field(gt=0, le=1000)] = 24.0
    follow_up_h: Annotated[float, Field(gt=0, le=1000)] = 48.0
    """How long after it was queued a message of each kind is still of use."""
    national_tables: tuple[Annotated[str, Field(pattern=r"^[a-z]{2}$")], ...] = ()
    """Languages (ISO 639-1) that may be sent by 3GPP's national language tables, where that takes fewer parts. Handsets
    differ in whether they show them. `krishi-kiosk sms tables` sets it for one farmer."""
    allowed_numbers: tuple[Annotated[str, Field(pattern=r"^\+?[0-9]{3,15}$")], ...] = ()
    """Short or premium numbers that an SMS may go to, exactly so written. No other such number is ever texted."""

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as why:
            raise ValueError("no such time zone here; see `timedatectl list-timezones`") from why
        return name


class Experiment(Section):
    """Two wordings of one text, each for half of the farmers, compared in `krishi-kiosk report`."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
    """Who gets which follows from the name and the farmer: another name deals them anew."""
    template: Literal["ask_help"] = "ask_help"
    """The text; its second wording has _b at its end. docs/translating.md."""


class Conversation(Section):
    """What the kiosk asks after an advice, and when."""

    follow_ups: bool = True
    """Whether it asks anything by itself."""
    help_days_high: Annotated[float, Field(ge=1, le=60)] = 5.0
    help_days_medium: Annotated[float, Field(ge=1, le=60)] = 7.0
    help_days_low: Annotated[float, Field(ge=1, le=60)] = 10.0
    """"Did it help?" comes so many days after an advice of this urgency."""
    control_percent: Annotated[int, Field(ge=0, le=100)] = 10
    """Farmers, in percent, who are never asked what they remember: the quiz is compared with them."""
    daily_questions: Annotated[int, Field(ge=0, le=10_000)] = 30
    """Questions in any 24 hours, beside what [sms] allows."""
    open_h: Annotated[float, Field(ge=1, le=720)] = 72.0
    """How long an answer is in time, and no other question is put to the same farmer. A later one is kept as late."""
    officer: Annotated[str, Field(pattern=r"^[0-9+][0-9 -]{2,20}$")] = "1800-180-1551"
    """The number to ask that questions and replies name. The default is the Kisan Call Centre's."""
    experiments: tuple[Experiment, ...] = ()


class Farmers(Section):
    """How long a farmer's data are kept. `krishi-kiosk farmer erase` removes them at once."""

    keep_days: Annotated[int, Field(ge=30, le=3650)] = 730
    """After their last visit or SMS the number is removed, and what could lead back to it; the counts stay."""
    inbound_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """SMS that came in, with what was written in them."""


class BalanceRules(Section):
    """Asking the operator what is left of a prepaid plan."""

    code: Annotated[str | None, Field(pattern=r"^[*#][0-9*#]{1,20}#$")] = None
    """The USSD code, such as "*123#"; the operator names it. None: never asked."""
    every_h: Annotated[float, Field(ge=1, le=1000)] = 24.0
    low: Annotated[float, Field(ge=0)] = 20.0
    """Below this, in the operator's currency, the status says that it is low."""


class Template(Section):
    """A text that is registered with the operators (India: TRAI's TCCCPR 2018, "content template")."""

    id: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,40}$")]
    text: Annotated[str, Field(min_length=1, max_length=2000)]
    """As registered, with {#var#} for each slot of 1 to 30 characters."""


class Aggregator(Section):
    """A second way out: an operator's or aggregator's HTTP interface, with registered templates."""

    url: Annotated[str, Field(pattern=r"^https?://[!-~]+$")]
    """Plain http is for loopback only: the key and farmers' numbers go with each message."""
    key_file: Path
    """A file that holds the key and nothing else; readable for the kiosk's user alone."""
    entity_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,40}$")]
    """The principal entity, as registered."""
    header: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{3,11}$")]
    """The sender that telephones show, as registered."""
    kinds: tuple[Kind, ...] = (Kind.FOLLOW_UP,)
    """What goes by this route. All else goes by the modem."""
    without_template: Literal["modem", "park"] = "modem"
    """What becomes of a message of these kinds that fits no template."""
    deadline_s: Annotated[float, Field(gt=0, le=120)] = 20.0
    """From the connection to the last octet of the answer."""
    templates: tuple[Template, ...] = ()

    @model_validator(mode="after")
    def _key_is_not_shown_to_others(self) -> Aggregator:
        address = urlsplit(self.url)
        if not address.hostname or address.port == 0:  # a port that is no number raises ValueError here
            raise ValueError("url names no host, or port 0")
        if address.scheme == "http" and address.hostname not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("url is plain http: the key and the numbers could be read on the way. Use https")
        return self


class Web(Section):
    """The visit API on loopback."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8427
    """0: any free port, printed at the start."""


class Window(NamedTuple):
    """A range of a day by the village's clock: from `begins` on, before `ends`. It may go over midnight.

    Equal ends: the whole day.
    """

    begins: time
    ends: time


class Sync(Section):
    """The link to the gateway: when it is opened, and how much may go over it."""

    url: Annotated[str | None, Field(pattern=r"^mqtts?://[A-Za-z0-9.\[\]:-]+$")] = None
    """Of the gateway's broker. None: as the invitation said, with which `krishi-kiosk enrol` made this kiosk known;
    before that reports wait. mqtt:// (no TLS) is for loopback alone."""
    mqtt: Literal[3, 5] = 5
    """3: MQTT 3.1.1, for a broker that has no other."""
    every_min: Annotated[int, Field(ge=1, le=10_080)] = 240
    """Minutes from one opening of the link to the next; what is urgent waits for neither these nor a window."""
    windows: tuple[Annotated[str, Field(pattern=RANGE)], ...] = ()
    """Ranges of the day, such as "22:00-06:00", by the clock of [sms] timezone, in which the link may be opened. Empty:
    at any time."""
    daily_kb: Annotated[int, Field(ge=10, le=1_000_000)] = 300
    """Over the link in any 24 hours, both ways, TLS and the headers of TCP and IP included."""
    urgent_kb: Annotated[int, Field(ge=0, le=1_000_000)] = 50
    """Of daily_kb, what is left for alarms: at most half."""
    deadline_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    """How long the broker may take to let us in, and the gateway to acknowledge a batch."""
    thumbnails: bool = False
    """Whether farmers are asked if a small picture of an uncertain case may go to agronomists. The spare half of
    daily_kb is for it."""
    outbreak_visits: Annotated[int, Field(ge=2, le=1000)] = 5
    outbreak_days: Annotated[int, Field(ge=1, le=60)] = 7
    """The same disease in so many visits within so many days raises an alarm, once in these days."""

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str | None) -> str | None:
        return url if url is None else check_broker(url)

    @model_validator(mode="after")
    def _urgent_is_a_part(self) -> Sync:
        if self.urgent_kb > self.daily_kb // 2:
            raise ValueError(f"urgent_kb {self.urgent_kb} is more than half of daily_kb {self.daily_kb}: lower it")
        return self

    def ranges(self) -> tuple[Window, ...]:
        """The windows as times."""
        ends = (text.split("-") for text in self.windows)
        return tuple(Window(time.fromisoformat(begins), time.fromisoformat(until)) for begins, until in ends)


def check_broker(url: str) -> str:
    """A broker's address that may be used. Raises ValueError."""
    address = urlsplit(url)
    if address.scheme not in {"mqtt", "mqtts"}:
        raise ValueError("begins with neither mqtts:// nor mqtt://")
    if not address.hostname or address.port == 0:  # a port that is no number raises ValueError here
        raise ValueError("names no host, or port 0")
    if address.scheme == "mqtt" and address.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise ValueError("is without TLS: anybody on the way could read and write. Use mqtts://")
    return url


class Place(Section):
    """Where the kiosk stands, as far as the gateway is told: no finer than what is written here."""

    village: Annotated[str, Field(pattern=r"^[0-9]{0,6}$")] = ""
    """The village's code in India's Local Government Directory."""
    geohash: Annotated[str, Field(pattern=r"^[0-9b-hjkmnp-z]{0,5}$")] = ""
    """Five letters are a square of some 5 km, four one of 20 to 40 km."""

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Place:
        if self.village and self.geohash:
            raise ValueError("village and geohash are both set: give one of them")
        return self

    def text(self) -> str:
        """As a health report says it."""
        if self.village:
            return f"village:{self.village}"
        return f"geohash:{self.geohash}" if self.geohash else ""


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
    sms: SmsRules = SmsRules()
    balance: BalanceRules = BalanceRules()
    conversation: Conversation = Conversation()
    farmers: Farmers = Farmers()
    aggregator: Aggregator | None = None
    """None: all goes by the modem."""
    sync: Sync = Sync()
    place: Place = Place()
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
        config = parse(path.read_text(encoding="utf-8"), str(path))
        return _of_the_service(config) if path == SYSTEM_FILE else config
    except OSError as why:
        raise ConfigError(f"{path}: cannot be read: {why.strerror}. Name another file with --config.") from why
    except UnicodeDecodeError as why:
        raise ConfigError(f"{path}: is not UTF-8 text. Save it again as UTF-8.") from why


def _of_the_service(config: Config) -> Config:
    """The system's kiosk, also for a command beside the service."""
    if config.state.folder is not None or "STATE_DIRECTORY" in os.environ or not SYSTEM_STATE.is_dir():
        return config
    return config.model_copy(update={"state": config.state.model_copy(update={"folder": SYSTEM_STATE})})


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
