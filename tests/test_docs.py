"""The documents: every link leads somewhere, every command and key that they name exists, none is left out."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from edge_daemon.cli import build_parser
from edge_daemon.config import (
    Aggregator,
    Config,
    FolderCamera,
    PiCamera,
    SerialModem,
    SimulatedModem,
    Template,
)
from gateway.cli import build_parser as gateway_parser

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])
COMMAND = re.compile(r"(?:`|^)krishi-kiosk ([a-z][a-z-]*)", re.MULTILINE)
GATEWAY_COMMAND = re.compile(r"(?:`|^)krishi-gateway ([a-z][a-z-]*)", re.MULTILINE)
SOURCE = re.compile(
    r"`((?:edge_daemon|gateway|deploy|firmware_config|systemd|tests|model|requirements|docs)/[\w./-]+)`"
)


def commands() -> set[str]:
    return set(build_parser().commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_files_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    missing = [link for link in links if link and not (page.parent / link).exists()]
    missing += [path for path in SOURCE.findall(text) if not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_a_page_names_exist(page: Path) -> None:
    assert set(COMMAND.findall(page.read_text(encoding="utf-8"))) <= commands()


def gateway_commands() -> set[str]:
    (choices,) = [action.choices for action in gateway_parser()._actions if isinstance(action.choices, dict)]
    return set(choices)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_the_gateway_that_a_page_names_exist(page: Path) -> None:
    assert set(GATEWAY_COMMAND.findall(page.read_text(encoding="utf-8"))) <= gateway_commands()


def test_the_readme_names_every_command_of_the_gateway() -> None:
    assert gateway_commands() <= set(GATEWAY_COMMAND.findall((ROOT / "README.md").read_text(encoding="utf-8")))


def test_the_readme_names_every_command() -> None:
    assert commands() <= set(COMMAND.findall((ROOT / "README.md").read_text(encoding="utf-8")))


def test_the_readme_s_make_targets_exist() -> None:
    targets = re.findall(r"^make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


def test_every_setting_is_in_the_reference_with_its_default() -> None:
    reference = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    tables = [Config().kiosk, Config().state, FolderCamera(), PiCamera(kind="picamera2")]
    tables += [SimulatedModem(), SerialModem(kind="serial"), Config().model, Config().web]
    tables += [Config().sms, Config().balance, Template(id="x", text="x")]
    tables += [Config().conversation, Config().farmers, Config().sync, Config().place]
    tables += [Aggregator(url="https://x", key_file=Path("x"), entity_id="x", header="XXX")]
    for table in tables:
        for key, value in table.model_dump().items():
            rows = [line.lower() for line in reference.splitlines() if f"`{key}`" in line]
            assert rows, f"docs/config.md lacks {key}"
            in_words = json.dumps(list(value)) if isinstance(value, tuple) else str(value)
            shown = in_words.lower().removesuffix(".0").removesuffix(":00")
            if value is None or value == () or type(table).model_fields[key].is_required():
                shown = ""
            assert key == "kind" or any(shown in row for row in rows), f"docs/config.md: {key} is {shown}"


def test_every_command_line_that_the_pages_show_is_understood() -> None:
    lines = [line for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()]
    shown = [line for line in lines if line.startswith("krishi-kiosk ")]
    assert shown
    for line in shown:
        build_parser().parse_args(shlex.split(line, comments=True)[1:])
