"""The file that lets one kiosk enrol: TOML, which a technician puts on the kiosk's boot partition. Pure.

edge_daemon.sync.identity reads it; tests/edge/sync/test_identity.py reads one that was written here.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.errors import BadRequest
from gateway.fleet import Invitation

NAME = "krishi-enrol.toml"
"""The kiosk looks for it in /boot/firmware."""
MOST_SITE = 200


class BadInvitation(BadRequest):
    """A site or an address that no invitation can have."""


class Addresses(NamedTuple):
    """Where a kiosk finds the gateway."""

    enrolment: str
    """https://host:port"""
    broker: str
    """mqtts://host:port"""


def check_site(site: str) -> None:
    """Raises BadInvitation."""
    if not site.strip() or len(site) > MOST_SITE or re.search(r"[\x00-\x1f\x7f]", site):
        raise BadInvitation(f"The site has to be one line of 1 to {MOST_SITE} characters, such as the village's name.")


def addresses(host: str, enrolment_port: int, broker_port: int) -> Addresses:
    """Those of a gateway that is reached by this name or address."""
    shown = f"[{host}]" if ":" in host else host
    return Addresses(f"https://{shown}:{enrolment_port}", f"mqtts://{shown}:{broker_port}")


def check_addresses(given: Addresses) -> None:
    """Raises BadInvitation."""
    for url, scheme in ((given.enrolment, "https"), (given.broker, "mqtts")):
        try:
            address = urlsplit(url)
            good = address.scheme == scheme and address.hostname and address.port
        except ValueError:
            good = None
        if not good or re.search(r"[^\x21-\x7e]|[\"\\]", url):
            raise BadInvitation(
                f"{url!r} is no address of the gateway. Give one like {scheme}://gateway.example.org:1234."
            )


def write(invitation: Invitation, to: Addresses, authority: str) -> str:
    """The file's text. authority: ca.crt, PEM."""
    until = f"{invitation.expires_at:%Y-%m-%dT%H:%M:%SZ}"
    return f"""\
# An invitation for the kiosk {invitation.kiosk}: good once, until {until}.
# Whoever has it can be this kiosk until then. Put it on the kiosk's boot partition as {NAME}, or give it to
# `krishi-kiosk enrol`. Afterwards it is of no use to anybody.

version = 1
kiosk = {_quoted(invitation.kiosk)}
site = {_quoted(invitation.site)}
token = {_quoted(invitation.token)}
expires = {until}
enrolment = {_quoted(to.enrolment)}
broker = {_quoted(to.broker)}
authority = \"\"\"
{authority.strip()}
\"\"\"
"""


def _quoted(text: str) -> str:
    """A basic string of TOML 1.0: JSON's escapes are a part of its own."""
    return json.dumps(text, ensure_ascii=False)
