"""The rows of `make bench`: printed at once, kept for build/bench.json."""

from __future__ import annotations

Rows = dict[str, dict[str, float | str | bool | None]]


def row(rows: Rows, name: str, value: float, unit: str, target: float | None = None, *, at_least: bool = False) -> None:
    """Keep a row and print it. target: the most that the value may be; with at_least, the least."""
    holds = None if target is None else (value >= target if at_least else value <= target)
    rows[name] = {"value": round(value, 3), "unit": unit, "target": target, "holds": holds}
    bound = "at least" if at_least else "at most"
    wanted = "" if target is None else f"   {bound} {target:g}: {'holds' if holds else 'DOES NOT HOLD'}"
    print(f"{name:<36}{value:>10.2f} {unit:<6}{wanted}", flush=True)
