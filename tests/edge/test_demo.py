"""The demo: whole visits on paper, the SMS as the far end put it together, the report on its way to a gateway."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.drawn import jpeg, leaf


def demo(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge_daemon", "demo", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "my leaf"  # a blank, and no suffix: people's files are so
    path.write_bytes(jpeg(leaf(1)))
    return path


def test_two_visits_in_two_languages(photo: Path) -> None:
    done = demo(photo, photo)
    assert (done.returncode, done.stderr) == (0, "")
    for entry in ("Photo      ", "Answer     ", "Time       ", "SMS        ", "Report     "):
        assert done.stdout.count(f"\n{entry}") == 2
    for stage in ("decode", "quality", "inference", "decision", "store"):
        assert done.stdout.count(f"{stage} ") >= 2
    assert "GSM-7; it shows:" in done.stdout
    assert "UCS-2; it shows:" in done.stdout
    assert done.stdout.count("bytes wait for the gateway") == 2
    assert done.stdout.count("+919999900001") == 2


def test_one_s_own_photo_crop_language_and_number(photo: Path) -> None:
    done = demo(photo, "--crop", "धान", "--language", "hi", "--phone", "98123 45678")
    assert done.returncode == 0
    assert "to +919812345678, 3 parts, UCS-2" in done.stdout
    assert '"crop": "rice"' in " ".join(done.stdout.split())


def test_a_photo_that_cannot_be_judged_is_a_receipt_too(photo: Path) -> None:
    photo.write_bytes(jpeg(leaf(1).point(lambda value: value // 20)))
    done = demo(photo)
    assert done.returncode == 65
    assert "too dark" in done.stdout
    assert "SMS  " not in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere.jpg"], "nowhere.jpg: cannot be read"),
        (["/"], "is not a file"),
        (["PHOTO", "--crop", "moon"], "'moon'"),
        (["PHOTO", "--language", "xx"], "'xx'"),
        (["PHOTO", "--phone", "1"], "'1' is not"),
    ],
)
def test_bad_words(photo: Path, words: list[str], sentence: str) -> None:
    done = demo(*(photo if word == "PHOTO" else word for word in words))
    assert done.returncode == 65
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_the_reports_end_at_a_gateway(photo: Path) -> None:
    command = [sys.executable, "-m", "gateway", "rehearse", "--", sys.executable, "-m", "edge_daemon", "demo"]
    done = subprocess.run([*command, photo, photo], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "has stored all up to number 3" in done.stdout  # two diagnoses, and how the kiosk is
    assert "\nOutbox     empty: the gateway has all of them\n" in done.stdout
    (kiosk,) = re.findall(r"^-+ krishi-gateway kiosks (\S+) -+$", done.stdout, re.MULTILINE)
    assert f"Kiosk           {kiosk}, seen, a rehearsal\n" in done.stdout
    assert "\nIn the database 2 diagnoses, 0 " in done.stdout


@pytest.mark.parametrize(
    ("gateway", "code", "sentence"),
    [
        ("mqtt://127.0.0.1:1", 69, "nobody listens there"),
        ("mqtt://broker.example.org", 78, "is without TLS"),
        ("mqtts://127.0.0.1", 78, "goes to no gateway in service"),
        ("http://127.0.0.1", 78, "begins with neither"),
    ],
)
def test_a_gateway_that_cannot_be_told(photo: Path, gateway: str, code: int, sentence: str) -> None:
    done = demo(photo, "--gateway", gateway)
    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
