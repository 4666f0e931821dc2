"""docs/gateway.md says of every setting, command, trouble, path and metric what it is."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path

from sqlalchemy import create_engine

from gateway import metrics
from gateway.cli import build_parser
from gateway.config import Config
from gateway.troubles import NAMES
from gateway.web.app import build_app
from gateway.web.scrape import _COUNTERS, _GAUGES, _OF_EACH

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")


def commands() -> set[str]:
    (found,) = (action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
    return set(found.choices)


def settings() -> dict[tuple[str, str], str]:
    """The default of each key, as the page's table has it."""
    found: dict[tuple[str, str], str] = {}
    section = ""
    for line in PAGE.partition("## Settings")[2].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[1].startswith("`"):
            section = cells[0].strip("`[]") or section
            found[section, cells[1].strip("`")] = cells[2].strip("`")
    return found


def test_every_setting_is_there_with_its_default() -> None:
    wanted = {}
    for section, table in Config().model_dump().items():
        for key, value in table.items():
            shown = "" if value in (None, ()) else json.dumps(value) if isinstance(value, bool) else str(value)
            wanted[section, key] = shown.removesuffix(".0") if isinstance(value, float) else shown
    assert settings() == wanted


def test_every_command_is_there_and_every_line_is_understood() -> None:
    assert set(re.findall(r"^\| `krishi-gateway ([a-z]+)", PAGE, re.MULTILINE)) == commands()
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")]
    lines = [line for page in pages for line in page.read_text(encoding="utf-8").splitlines()]
    shown = [line for line in lines if line.startswith("krishi-gateway ")]
    assert len(shown) > 10
    for line in shown:
        build_parser().parse_args(shlex.split(line, comments=True)[1:])


def test_every_trouble_path_and_metric_is_there(tmp_path: Path) -> None:
    app = build_app(create_engine(f"sqlite:///{tmp_path}/none.db"), Config())
    paths = set(app.openapi()["paths"]) | {"/metrics"}
    families = {family.name + "_total" * (family.type == "counter") for family in metrics.REGISTRY.collect()}
    families = {name for name in families if name.startswith("krishi_")}
    families |= {name for name, _ in [*_GAUGES.values(), *_OF_EACH.values()]}
    families |= {f"{name}_total" for name, _ in _COUNTERS.values()}
    assert [name for name in sorted(paths | families | set(NAMES)) if f"`{name}`" not in PAGE] == []


def test_alerts_that_it_names_are_rules() -> None:
    rules = (ROOT / "gateway" / "alerts.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Z][a-z]+[A-Z][A-Za-z]+)`", PAGE))
    assert len(named) > 3
    assert [name for name in named if f"alert: {name}\n" not in rules] == []
