"""`krishi-kiosk enrol`: make the kiosk known to its gateway by an invitation.

The daemon does the same by itself with one that lies on the boot partition.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from edge_daemon.config import Config
from edge_daemon.errors import ConfigError, WrongInvitation
from edge_daemon.sync import identity, invitation
from edge_daemon.sync.enrolment import Spent
from edge_daemon.sync.identity import Enrolled
from edge_daemon.sync.invitation import BOOT, Invitation

DONE = "krishi-enrol.done.toml"
"""What the file on the boot partition is called afterwards."""

log = logging.getLogger(__name__)


def lines(config: Config, path: Path | None, boot: Path = BOOT) -> Iterator[str]:
    """What the command prints. path: the invitation, None: the one on the boot partition.

    Raises ConfigError, WrongInvitation, EnrolmentAway, EnrolmentRefused, IdentityDamaged, StateError.
    """
    if path is None and not boot.exists():
        raise ConfigError(f"{boot} is not there. Put the gateway's invitation there, or name its file.")
    invited = invitation.read(path or boot)
    _check(config, invited)
    folder = config.state.path() / identity.FOLDER
    if identity.was_used(folder, invited):
        yield f"This kiosk has enrolled with this invitation before. Its broker is {invited.broker}. Nothing to do."
        return
    done = identity.enrol(folder, invited)
    yield f"{done.kiosk} is known to the gateway as the kiosk at {_within(done.site)}."
    yield f"Its certificate is good until {done.until:%Y-%m-%d}; the kiosk renews it by itself."
    yield f"It reports to {config.sync.url or invited.broker}; a kiosk that runs already, when it next opens its link."
    if path is None:
        yield _put_away(boot)


def if_invited(config: Config, boot: Path = BOOT, spent: Spent = lambda count: None) -> Enrolled | None:
    """For the daemon: use an invitation that lies on the boot partition. None: there is none, or it was used before.

    spent: is told the bytes that it took. Raises what `lines` raises: the daemon goes on without, and tries later.
    """
    if not boot.exists():
        return None
    invited = invitation.read(boot)
    _check(config, invited)
    folder = config.state.path() / identity.FOLDER
    if identity.was_used(folder, invited):
        return None
    done = identity.enrol(folder, invited, spent=spent)
    log.info(
        "enrol: %s is known to the gateway as the kiosk at %s. %s", done.kiosk, _within(done.site), _put_away(boot)
    )
    return done


def _check(config: Config, invited: Invitation) -> None:
    if invited.kiosk != config.kiosk.id:
        raise WrongInvitation(
            f"The invitation is for {invited.kiosk}, and this kiosk is {config.kiosk.id}. Set [kiosk] id in kiosk.toml,"
            " or ask for an invitation for this one."
        )


def _within(site: str) -> str:
    """What an operator wrote, where a sentence ends with it."""
    return site.rstrip(" .")


def _put_away(boot: Path) -> str:
    """Its token is of no use to anybody now; another name tells the technician so."""
    try:
        boot.rename(boot.with_name(DONE))
    except OSError as why:
        return f"{boot} could not be renamed ({why.strerror}); it is of no further use."
    return f"The invitation is called {DONE} now, and of no further use."
