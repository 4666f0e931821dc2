"""Where messages go on the broker. Short, since a kiosk pays for every byte of them.

    k/<kiosk>/u   batches of reports, from the kiosk; the gateway's workers share them
    k/<kiosk>/a   acknowledgements, from the gateway
    k/<kiosk>/d   what the gateway wants of the kiosk, retained
    k/<kiosk>/l   the kiosk's last will: the broker says that its connection was lost

A broker's access list locks each of them to the kiosk whose certificate names it: it writes u and l, and reads a and d.
"""

from __future__ import annotations

import re

KIOSK_ID = r"^[a-z0-9][a-z0-9-]{1,30}[a-z0-9]$"
"""No sign of it means anything in a topic (MQTT 5.0, 4.7.1) or in a certificate's name."""
GATEWAY = "krishi-gateway"
"""The gateway's own name at the broker. No kiosk may have it."""

_TOPIC = re.compile(r"k/([a-z0-9][a-z0-9-]{1,30}[a-z0-9])/([uadl])")


def up(kiosk: str) -> str:
    """Batches of reports. "+" for any kiosk's, here and below."""
    return f"k/{kiosk}/u"


def acknowledged(kiosk: str) -> str:
    """Acknowledgements."""
    return f"k/{kiosk}/a"


def desired(kiosk: str) -> str:
    """What the gateway wants."""
    return f"k/{kiosk}/d"


def lost(kiosk: str) -> str:
    """The last will."""
    return f"k/{kiosk}/l"


def shared(group: str, pattern: str) -> str:
    """The same, of which each message goes to one alone of those who name this group (MQTT 5.0, 4.8.2)."""
    return f"$share/{group}/{pattern}"


def kiosk_of(topic: str) -> str | None:
    """The kiosk that a topic belongs to; None for one that is none of ours."""
    found = _TOPIC.fullmatch(topic)
    return found and found.group(1)
