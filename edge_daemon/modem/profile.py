"""Profiles: what is peculiar to a kind of modem, as data. They lie in firmware_config/modems, one TOML each.

Rules kept here:
- the profile is chosen by what the modem says that it is, unless [modem] profile names one;
- a profile that cannot be read is a ConfigError that names the file and the key; none is half used.
"""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_daemon.errors import ConfigError

AUTO = "auto"
GENERIC = "generic"

_At = Annotated[str, Field(pattern=r"^AT[ -~]{1,200}$")]
_Setting = Annotated[int, Field(ge=0, le=3)]
_Indications = tuple[_Setting, _Setting, _Setting, _Setting, _Setting]


class Profile(BaseModel):
    """A kind of modem. The keys are explained in docs/modems.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=40)]
    models: tuple[str, ...]
    """What AT+CGMM's answer holds, in any case. None: this profile is for those that no other is for."""
    init: tuple[_At, ...]
    """Said once the SIM is open. Each may fail."""
    memories: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...], Field(min_length=1)]
    """The first is where messages come in; all are emptied at the start."""
    csms: Literal[0, 1]
    """AT+CSMS (27.005, 3.2.1). 1: what is routed is acknowledged once it is committed."""
    cnmi: Annotated[tuple[_Indications, ...], Field(min_length=1)]
    """AT+CNMI (27.005, 3.4.1), the first that the modem takes."""
    full: tuple[str, ...]
    """How lines begin that say that the memory is full."""
    clock: tuple[_At, ...]
    """Said so that the network's time comes. Each may fail."""
    cfun_off: Literal[0, 4]
    """AT+CFUN (27.007, 8.2) before AT+CFUN=1."""
    cfun_s: Annotated[float, Field(gt=0, le=120)]
    reset: Annotated[str, Field(pattern=r"^(AT[ -~]{1,200})?$")]
    """Restarts the modem. Empty: it has no such command."""
    boot_s: Annotated[float, Field(ge=0, le=120)]
    send_s: Annotated[float, Field(gt=0, le=300)]
    """How long AT+CMGS may take, where [modem] send_s does not say."""
    registration: Annotated[tuple[Literal["AT+CREG?", "AT+CEREG?", "AT+CGREG?"], ...], Field(min_length=1)]
    ussd_dcs: Annotated[int, Field(ge=0, le=255)]

    def is_for(self, model: str) -> bool:
        """Whether this is the profile of what AT+CGMM answers so."""
        return any(part.upper() in model.upper() for part in self.models)


def choose(wanted: str, model: str) -> Profile:
    """The profile that `wanted` names, by name or by file, or for "auto" the one for `model` (AT+CGMM's answer).

    Raises ConfigError.
    """
    if wanted == AUTO:
        return next((profile for profile in shipped().values() if profile.is_for(model)), shipped()[GENERIC])
    if wanted.endswith(".toml"):
        return load(Path(wanted).expanduser())
    if wanted not in shipped():
        raise ConfigError(
            f"[modem] profile {wanted!r} is none of {', '.join([AUTO, *sorted(shipped())])}. "
            "Correct it, or name a file that ends in .toml."
        )
    return shipped()[wanted]


def check(wanted: str) -> None:
    """Read what `choose` may need, before a modem is there. Raises ConfigError."""
    choose(wanted, "")


@functools.cache
def shipped() -> dict[str, Profile]:
    """The profiles that come with the kiosk, by the names of their files. Raises ConfigError."""
    return {path.stem: load(path) for path in sorted(_folder().glob("*.toml"))}


@functools.cache
def load(path: Path) -> Profile:
    """Read a profile, once: what becomes of the file later troubles no kiosk that runs. Raises ConfigError."""
    try:
        return Profile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as why:
        raise ConfigError(f"{path}: cannot be read: {why.strerror}. Correct [modem] profile.") from why
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        raise ConfigError(f"{path}: is not TOML: {why}.") from why
    except ValidationError as why:
        first = why.errors()[0]
        key = ".".join(str(step) for step in first["loc"])
        raise ConfigError(f"{path}: {key}: {first['msg']}. docs/modems.md explains the keys.") from why


def _folder() -> Path:
    installed = Path(__file__).parent / "profiles"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "firmware_config" / "modems"
