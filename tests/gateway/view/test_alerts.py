"""The alert rules, judged by Prometheus itself: its own checker, and a server that scrapes the gateway over HTTP."""

from __future__ import annotations

import re
import subprocess
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import update

from gateway.store import Store
from gateway.tables import kiosk
from gateway.troubles import NAMES
from gateway.web.app import system_now
from tests.gateway.view.fleet_kit import DAY, HOUR, add_kiosk
from tests.gateway.view.served import served
from tests.peers.program import DEADLINE_S
from tests.peers.prometheus import Prometheus

FOLDER = Path(__file__).parents[3] / "gateway"
RULES = FOLDER / "alerts.yml"


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("words", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]])
def test_prometheus_takes_the_rules_and_they_do_what_they_should(words: list[str]) -> None:
    said = subprocess.run(["promtool", *words], cwd=FOLDER, capture_output=True, text=True, timeout=DEADLINE_S)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_trouble_has_an_alert_and_every_alert_says_what_to_do() -> None:
    rules = RULES.read_text(encoding="utf-8")
    assert set(re.findall(r'krishi_kiosk_trouble\{trouble="(\w+)"\}', rules)) == set(NAMES)
    assert rules.count("- alert: ") == rules.count("summary: ") == rules.count("action: ") > 15


@pytest.mark.needs("promtool")
def test_promtool_finds_no_fault_with_the_metrics(store: Store, tmp_path: Path) -> None:
    add_kiosk(store.engine, "koraput-7", disk_free_mb=1)
    write_list(tmp_path, datetime.now(UTC))
    with (
        served(store, tmp_path) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE_S) as answer,
    ):
        text = answer.read()
    assert {b"krishi_kiosk_trouble", b"krishi_authority"} <= set(
        re.findall(rb"^(krishi_kiosk_trouble|krishi_authority)", text, re.M)
    )
    said = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=DEADLINE_S)
    assert (said.returncode, said.stdout + said.stderr) == (0, b"")


@pytest.mark.needs("prometheus")
def test_a_real_prometheus_scrapes_the_gateway_and_its_alerts_fire_and_end(store: Store, tmp_path: Path) -> None:
    now = system_now()
    well = {"last_seen_at": now - HOUR, "enrolled_at": now - 90 * DAY, "expires_at": now + 200 * DAY}
    add_kiosk(store.engine, "well-1", **well)
    add_kiosk(store.engine, "silent-1", **{**well, "last_seen_at": now - 30 * HOUR, "site": "School of Jeypore"})
    write_list(tmp_path, datetime.now(UTC) + timedelta(days=3))
    with served(store, tmp_path) as port, Prometheus(tmp_path / "prometheus", port, RULES) as judge:
        alerts = judge.until(lambda alerts: {"KioskSilent", "RevocationListEnds"} <= alerts.keys())
        assert alerts.keys() == {"KioskSilent", "RevocationListEnds"}
        (silent,) = alerts["KioskSilent"]
        assert silent["labels"]["kiosk"] == "silent-1"
        assert "School of Jeypore" in silent["annotations"]["summary"]
        (target,) = judge.ask("targets")["activeTargets"]
        assert (target["health"], target["lastError"]) == ("up", "")
        with store.writing() as db:
            db.execute(update(kiosk).values(last_seen_at=system_now(), disk_free_mb=7))
        alerts = judge.until(lambda alerts: "KioskSilent" not in alerts and "KioskDiskLow" in alerts)
        assert {alert["labels"]["kiosk"] for alert in alerts["KioskDiskLow"]} == {"well-1", "silent-1"}
        assert not {"WorkerCutOff", "DatabaseAway", "NothingIngested"} & alerts.keys()


def write_list(state: Path, ends: datetime) -> None:
    """A list of revoked certificates in the authority's folder."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an authority")])
    made = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(ends - timedelta(days=9))
    signed = made.next_update(ends).sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    (state / "authority").mkdir()
    (state / "authority" / "crl.pem").write_bytes(signed.public_bytes(Encoding.PEM))
