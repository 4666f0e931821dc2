"""What every test may use, and the rule for tests whose needs are not met here.

A test that needs a system program says so with @pytest.mark.needs("gammu"), or "module:systemd.daemon" for a Python
module that pip cannot always build. Where it is missing the test is left out, by name, in the closing lines; under
KRISHI_REQUIRE_ALL=1 it fails instead, so that nothing is left out without a word.
"""

from __future__ import annotations

import importlib.util
import os
import shutil

import pytest

REQUIRE_ALL = os.environ.get("KRISHI_REQUIRE_ALL") == "1"


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        missing = [need for need in marker.args if not _is_here(need)]
        if missing and REQUIRE_ALL:
            pytest.fail(f"needs {', '.join(missing)}, and KRISHI_REQUIRE_ALL=1 leaves nothing out", pytrace=False)
        if missing:
            pytest.skip(f"needs {', '.join(missing)}: apt install it, or run `make system-programs` as root")


def _is_here(need: str) -> bool:
    kind, _, module = need.partition(":")
    if kind != "module":
        return shutil.which(need) is not None
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
