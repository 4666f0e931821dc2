"""How the kiosk is, as plain data: what `krishi-kiosk status` and GET /status show. Never a telephone number."""

from __future__ import annotations

import http.client
import json
import shutil
from typing import Any

from edge_daemon import balance, parts
from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.config import Config
from edge_daemon.diagnosis import Diagnosis, Visit
from edge_daemon.errors import ModelError
from edge_daemon.store.store import Store
from edge_daemon.sync import windows

MB = 1_000_000
ADDRESS = "127.0.0.1"
ANSWER_S = 3.0


def gather(config: Config) -> dict[str, Any]:
    """Ask the running daemon; where none runs, read the state folder. Raises StateError."""
    running = _from_daemon(config.web.port)
    if running is not None and running.get("kiosk") == config.kiosk.id:
        return running
    with parts.look_store(config) as store:
        known = {"running": False, "model": _model(config), "parts": {}, "modem": None}
        return {**stored(config, store), **known, **advice(Catalogue.load())}


def advice(catalogue: Catalogue) -> dict[str, Any]:
    """Which advice farmers get, and how much of it somebody has reviewed, by language."""
    return {"advice": catalogue.version, "texts": catalogue.reviews()}


def _from_daemon(port: int) -> dict[str, Any] | None:
    if port == 0:  # any free port: only the daemon's log knows which
        return None
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/status")
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):  # nobody there, or somebody else
        return None
    finally:
        connection.close()
    return answer if isinstance(answer, dict) else None


def _model(config: Config) -> str:
    from edge_daemon.vision.manifest import Manifest

    try:
        return Manifest.load(config.model.path()).full_name
    except ModelError as why:
        return str(why)


def stored(config: Config, store: Store) -> dict[str, Any]:
    """What the state folder alone can tell: queues, last visit, disk."""
    photos, photo_bytes = store.photos.count_and_bytes()
    disk = shutil.disk_usage(store.folder)
    last = store.last_visit()
    return {
        "kiosk": config.kiosk.id,
        "rehearsal": config.kiosk.rehearsal,
        "state": str(store.folder),
        "queues": store.queues(),
        "pictures": {"asked_for": config.sync.thumbnails, **store.consents.counts()},
        "sms": _sms(config, store),
        "balance": _balance(config, store),
        "link": _link(config, store),
        "last_visit": last and _summary(*last),
        "disk": {
            "free_mb": disk.free // MB,
            "total_mb": disk.total // MB,
            "photos": photos,
            "photos_mb": round(photo_bytes / MB, 1),
        },
    }


def _sms(config: Config, store: Store) -> dict[str, Any]:
    held = store.sms.why_held()
    return {"parts_in_24_h": store.sms.spent().day, "daily_parts": config.sms.daily_parts, "held": held}


def _link(config: Config, store: Store) -> dict[str, Any]:
    """What is known of the link to the gateway without it."""
    waiting, desired = store.reports.counts(), windows.kept(store.link.followed())
    opened, acknowledged = store.link.when("opened"), store.link.when("acknowledged")
    return {
        "opened_at": opened and opened.isoformat(timespec="seconds"),
        "acknowledged_at": acknowledged and acknowledged.isoformat(timespec="seconds"),
        "bytes_in_24_h": store.link.spent(),
        "daily_kb": windows.daily_kb(config.sync, desired),
        "waiting": waiting.reports,
        "urgent": waiting.urgent,
    }


def _balance(config: Config, store: Store) -> dict[str, Any] | None:
    """The newest answer's amount, None as amount where none was found in it. Its words may hold our own number."""
    kept = store.balance()
    if kept is None:
        return None
    low = balance.is_low(kept["amount"], config.balance)
    return {"amount": kept["amount"], "low": low, "asked_at": kept["asked_at"]}


def _summary(visit: Visit, diagnosis: Diagnosis | None) -> dict[str, Any]:
    return {
        "visit": visit.id,
        "begun_at": visit.begun_at.isoformat(timespec="seconds"),
        "crop": visit.crop,
        "language": visit.language,
        "decision": diagnosis and diagnosis.decision.value,
        "best": {"label": diagnosis.best.label, "percent": diagnosis.best.percent}
        if diagnosis and diagnosis.candidates
        else None,
    }
