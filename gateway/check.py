"""`krishi-gateway check`: whether the gateway could work now. A line for each thing: as it should be, or what to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import func, select

from edge_daemon.wire import topics
from gateway import mqtt, tables
from gateway.authority import FOLDER
from gateway.config import Config
from gateway.errors import AuthorityError, ClockWrong, DatabaseError, GatewayError
from gateway.store import Store

BUILT_AT = 1_764_000_000
"""November 2025. A clock that is before the program itself is wrong."""
SKEW_S = 60
"""Between this machine and the database's."""
NEAR = timedelta(days=30)
"""An end that is nearer is told."""

Say = Callable[[str], object]
Check = Callable[[Config], str]
"""Says what it found, or raises GatewayError."""


def check(config: Config, say: Say) -> int:
    """Say a line for each thing; the exit code of the worst, 0 if all are as they should be."""
    worst = 0
    for name, look in CHECKS.items():
        try:
            say(f"ok       {name}: {look(config)}")
        except GatewayError as why:
            say(f"trouble  {name}: {why}")
            worst = max(worst, why.exit_code)
    return worst


def database(config: Config) -> str:
    """Whether it is there and of our version. An empty one gets the gateway's tables."""
    with closing(Store.open(config.database_url())) as store, store.reading() as db:
        kiosks = db.execute(select(func.count()).select_from(tables.kiosk)).scalar_one()
    return f"{store.where} is of version {tables.VERSION} and knows {kiosks} kiosks."


def clock(config: Config) -> str:
    """Whether it can be right: kiosks without a clock take its time."""
    now = time.time()
    shown = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if now < BUILT_AT:
        raise ClockWrong(f"It is {shown} by this machine, which cannot be. Set its clock, and have NTP keep it right.")
    theirs = _time_of_database(config)
    if theirs is not None and abs(theirs - now) > SKEW_S:
        raise ClockWrong(
            f"It is {shown} by this machine, and {abs(theirs - now):.0f} s away from that by the database's. Have NTP "
            "keep both right."
        )
    return f"{shown}."


def _time_of_database(config: Config) -> float | None:
    """By the server's own clock. None for SQLite, which has none, and for one that is away: its line says that."""
    with suppress(DatabaseError), closing(Store.open(config.database_url())) as store:
        if store.is_postgresql:
            with store.reading() as db:
                return float(db.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())
    return None


def broker(config: Config) -> str:
    """Whether it lets us in and gives us what kiosks send."""
    with mqtt.connected(config, apart=True) as link:
        link.subscribe(topics.up("+"), topics.lost("+"))
    how = "as one of many workers" if config.broker.shared else "as its only worker"
    return f"{config.broker.url} lets the gateway in, {how}."


def authority(config: Config) -> str:
    """Whether the certificates are there and not near their end, and the list of the revoked ones."""
    if urlsplit(config.broker.url).scheme == "mqtt":
        return "none is needed, since the broker is reached without TLS."
    from gateway import certificates  # not needed where the broker is on loopback

    folder = config.state.path() / FOLDER
    own = _read(folder / "gateway.crt", lambda pem: certificates.read_own(pem).not_valid_after_utc)
    listed = _read(folder / "crl.pem", certificates.end_of_list)
    now = datetime.now(UTC)
    for end, what in ((own, "gateway's certificate"), (listed, "list of revoked certificates")):
        if end < now + NEAR:
            raise AuthorityError(
                f"{folder}: the {what} ends on {end:%Y-%m-%d}, and then the broker lets nobody in. Restart "
                "`krishi-gateway run`, which makes it anew, and reload the broker."
            )
    return f"{folder}: the gateway's certificate is good until {own:%Y-%m-%d}, the list until {listed:%Y-%m-%d}."


def _read(path: Path, end: Callable[[bytes], datetime]) -> datetime:
    try:
        return end(path.read_bytes())
    except FileNotFoundError as why:
        raise AuthorityError(f"{path} is not there. Make it with `krishi-gateway init`.") from why
    except (OSError, ValueError) as why:
        raise AuthorityError(f"{path}: cannot be read: {why}. Run it as the gateway's user.") from why


CHECKS: dict[str, Check] = {"database": database, "authority": authority, "broker": broker, "clock": clock}
