"""The rows of `make bench`: printed at once, kept for build/bench.json."""

from __future__ import annotations

Rows = dict[str, dict[str, float | str | bool | None]]


def row(rows: Rows, name: str, value: float, unit: str, target: float | None = None) -> None:
    """Keep a row and print it. target: the most that the value may be."""
    holds = None if target is None else value <= target
    rows[name] = {"value": round(value, 3), "unit": unit, "target": target, "holds": holds}
    wanted = "" if target is None else f"   at most {target:g}: {'holds' if holds else 'DOES NOT HOLD'}"
    print(f"{name:<36}{value:>10.2f} {unit:<6}{wanted}", flush=True)
