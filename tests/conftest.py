"""What every test may use, and the rule for tests whose needs are not met here.

A test says what it needs: @pytest.mark.needs("gammu") a system program, "module:systemd.daemon" a Python module that
pip cannot always build, "system module:gammu" one that the distribution has for its own Python,
"foreign module:gsmmodem" one that tests/foreign.py knows, "own mounts" a mount namespace, which some machines do not
allow, "own network" network namespaces with slow and lossy links, which only root makes, "postgresql" its server, which
Debian keeps off the path, "root" its rights. Where that is missing the test is left out, by name, in the closing lines;
under KRISHI_REQUIRE_ALL=1 it fails instead: nothing is left out then without a word.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess

import pytest

from tests import foreign
from tests.rigs import namespaces

_OWN_MOUNTS = ["unshare", "--map-root-user", "--mount", "true"]
REQUIRE_ALL = os.environ.get("KRISHI_REQUIRE_ALL") == "1"


HARDWARE = [name for name in os.environ if name.startswith("KRISHI_HARDWARE_")]
collect_ignore = [] if HARDWARE else ["hardware"]


def pytest_report_header() -> str:
    """Say what is not collected."""
    return f"hardware: {', '.join(HARDWARE) or 'none named by KRISHI_HARDWARE_..., so tests/hardware is not collected'}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first: where several run side by side, none is begun when the others are at their end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        missing = [need for need in marker.args if not _is_here(need)]
        if missing and REQUIRE_ALL:
            pytest.fail(f"needs {', '.join(missing)}, and KRISHI_REQUIRE_ALL=1 leaves nothing out", pytrace=False)
        if missing:
            pytest.skip(f"needs {', '.join(missing)}: run `make test` as root, or apt install it")


@functools.cache
def _is_here(need: str) -> bool:
    if need == "own mounts":
        return shutil.which("unshare") is not None and subprocess.call(_OWN_MOUNTS) == 0
    if need == "own network":
        return namespaces.works()
    kind, _, module = need.partition(":")
    if kind == "system module":
        look = ["/usr/bin/python3", "-c", f"import {module}"]
        return shutil.which(look[0]) is not None and subprocess.call(look, stderr=subprocess.DEVNULL) == 0
    if kind == "foreign module":
        return (foreign.MODULES / module).is_dir()
    if need == "root":
        return os.geteuid() == 0
    if need == "postgresql":
        return foreign.postgresql() is not None
    if kind != "module":
        return foreign.program(need) is not None
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
