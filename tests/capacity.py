"""The tables of docs/capacity.md: `python -m tests.capacity` takes what `make bench` measured and counts anew.

The unit costs stand in the page; what follows from them is computed here, and a test compares, so that no number of the
page can be out of step with what was measured.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "capacity.md"
BENCH = ROOT / "build" / "bench.json"
FLEETS = (100, 10_000, 1_000_000)
DAY_S = 86_400
PACKETS = 11
"""Of an opening with one batch, at the broker: CONNECT, CONNACK, SUBSCRIBE, SUBACK, DISCONNECT; the batch, in and out,
with a PUBACK each; the acknowledgement, in and out."""
OPENINGS = 6
"""In which day_100_seconds was measured."""
HALF = 0.5
"""No machine shall be busier than this at the peak."""

Numbers = Mapping[str, float]
_UNIT_COST = re.compile(r"^\| `(\w+)` \| ([0-9.]+) \|", re.MULTILINE)
_SHEET = re.compile(r"(?<=<!-- sheet -->\n).*?(?=<!-- end -->)", re.DOTALL)


def read(text: str) -> dict[str, float]:
    """The unit costs and the assumed load that stand in the page."""
    return {name: float(value) for name, value in _UNIT_COST.findall(text)}


def opening_bytes(of: Numbers, count: float) -> float:
    """Bytes of an opening with so many messages, both ways, with the headers of TCP and IP: what a SIM is billed for.

    Along a line between the measured 1, 20 and 200.
    """
    known = [(n, n * of[f"wire_line_bytes_per_diagnosis_{n}"]) for n in (1, 20, 200)]
    for (low, less), (high, more) in itertools.pairwise(known):
        if count <= high or high == known[-1][0]:
            return less + (count - low) * (more - less) / (high - low)
    raise AssertionError


def sheet(of: Numbers, kiosks: int) -> dict[str, str]:
    """What a fleet needs, by the names of the page's rows."""
    messages = of["diagnoses_a_day"] * (1 + of["ledger_rows_per_diagnosis"])
    peak = of["openings_a_day"] * kiosks / DAY_S * of["peak"]
    rows_peak = messages * kiosks / DAY_S * of["peak"]
    link = of["openings_a_day"] * opening_bytes(of, messages / of["openings_a_day"])
    year = 365 * of["diagnoses_a_day"] * kiosks
    ledger = year * of["ledger_rows_per_diagnosis"]
    disk = year * of["disk_bytes_per_diagnosis"] + ledger * of["disk_bytes_per_ledger"]
    at_once = peak * of["day_100_seconds"] / OPENINGS
    memory = kiosks * of["memory_per_1000_kiosks"] / 1000 / 1000
    return {
        "diagnoses a day": _plain(of["diagnoses_a_day"] * kiosks),
        "kB over a kiosk's link a day": _plain(link / 1000),
        "GB over all links a day": _plain(link * kiosks / 1e9),
        "openings a second at the peak": _plain(peak),
        "MQTT packets a second at the peak": _plain(PACKETS * peak),
        "rows stored a second at the peak": _plain(rows_peak),
        "kiosks connected at once at the peak": _plain(math.ceil(at_once)),
        "memory of broker and worker if all connect at once, MB": _plain(memory),
        "rows a year, millions": _plain((year + ledger) / 1e6),
        "disk a year, GB": _plain((disk + kiosks * of["disk_bytes_per_kiosk"]) / 1e9),
        "brokers of one core": str(math.ceil(peak * of["broker_cpu_ms_per_handshake"] / 1000 / HALF)),
        "workers": str(math.ceil(rows_peak / of["ingest_diagnoses_per_s"] / HALF)),
        "seconds of a scrape": _plain(of["scrape_ms_per_100000_kiosks"] / 1000 * kiosks / 100_000),
    }


def _plain(value: float) -> str:
    """Two figures that count: "0.0093", "28", "55,000"."""
    if value == 0:
        return "0"
    digits = 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    return f"{rounded:,.{max(0, 1 - math.floor(math.log10(abs(rounded))))}f}"


def table(of: Numbers) -> str:
    """The page's table."""
    columns = [sheet(of, kiosks) for kiosks in FLEETS]
    lines = [f"| kiosks | {' | '.join(f'{kiosks:,}' for kiosks in FLEETS)} |", "|---|---|---|---|"]
    lines += [f"| {name} | {' | '.join(column[name] for column in columns)} |" for name in columns[0]]
    return "\n".join(lines) + "\n"


def renewed(text: str, measured: Numbers) -> str:
    """The page with these unit costs in it, and the table that follows from them."""

    def put(found: re.Match[str]) -> str:
        name = found.group(1)
        return f"| `{name}` | {measured[name]:g} |" if name in measured else found.group(0)

    text = _UNIT_COST.sub(put, text)
    return _SHEET.sub(lambda _: table(read(text)), text)


def main() -> None:
    """Write the page anew."""
    rows = json.loads(BENCH.read_text(encoding="utf-8")) if BENCH.exists() else {}
    measured = {name: float(f"{row['value']:.3g}") for name, row in rows.items()}
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), measured), encoding="utf-8")


if __name__ == "__main__":
    main()
