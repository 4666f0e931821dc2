"""The model cannot be used: an older one is; with none left the farmer gets first aid for the crop, and is told so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edge_daemon.config import Model
from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.store.store import Store
from edge_daemon.wire import codec
from edge_daemon.wire.messages import DiagnosisReport
from tests.scenarios.kit import DEADLINE_S, NUMBER, RunningKiosk, fill_camera, write_config

SHIPPED = Model().path()


def models(folder: Path, previous: str) -> str:
    """A newest model whose file is broken, and a previous one; the configuration's section."""
    newest = Path(shutil.copytree(SHIPPED, folder / "newest"))
    (newest / "leaf.tflite").write_bytes(b"cut short")
    return f'[model]\nfolder = "{newest}"\nprevious = "{folder / previous}"\n'


def older(folder: Path) -> Path:
    """The shipped model under an older name."""
    copy = Path(shutil.copytree(SHIPPED, folder / "older"))
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    (copy / "manifest.json").write_text(json.dumps({**manifest, "name": "last-year"}), encoding="utf-8")
    return copy


def test_a_broken_model_is_replaced_by_the_previous_one(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    older(tmp_path)
    with ModemSimulator() as network:
        config = write_config(tmp_path, network.port)
        config.write_text(config.read_text() + models(tmp_path, "older"))
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            visit = client.post("/visits", json={}).json()["visit"]
            diagnosis = client.post(f"/visits/{visit}/photo", json={}).json()
            assert diagnosis["model"].startswith("last-year-")
            status = client.get("/status").json()
            assert status["model"] == diagnosis["model"]
            assert "another file than its manifest says" in status["model_trouble"][0]
            assert kiosk.stop() == 0


def first_aid(tmp_path: Path, config: Path, network: ModemSimulator, environment: dict[str, str]) -> str:
    """The SMS of a visit at a kiosk without a model; checks what screen, status and gateway are told."""
    with RunningKiosk(config, environment=environment) as kiosk, kiosk.ready() as client:
        visit = client.post("/visits", json={"crop": "rice"}).json()["visit"]
        answer = client.post(f"/visits/{visit}/photo", json={})
        assert answer.status_code == 201
        told = answer.json()
        assert (told["decision"], told["candidates"], told["model"]) == ("first_aid", [], "none")
        assert client.get("/status").json()["model"] == "none: first aid only"
        assert client.post(f"/visits/{visit}/farmer", json={"telephone": NUMBER}).status_code == 202
        (sms,) = network.wait_for(1, DEADLINE_S)
        assert kiosk.stop() == 0
    with Store.look(tmp_path / "state") as store:
        (report,) = store.reports.waiting()
    sent = codec.decode(report.body)
    assert isinstance(sent, DiagnosisReport)
    assert (sent.decision, sent.candidates, sent.model, sent.crop) == ("first_aid", (), "none", "rice")
    return sms.text


def test_with_no_model_left_the_farmer_gets_first_aid_for_the_crop(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    with ModemSimulator() as network:
        config = write_config(tmp_path, network.port)
        config.write_text(config.read_text() + models(tmp_path, "nowhere"))
        text = first_aid(tmp_path, config, network, {})
    assert text.startswith("Rice: the kiosk could not diagnose the leaf today.")
    assert "Do not spray" in text


@pytest.mark.parametrize("failing", ["import", "invoke"])
def test_with_an_interpreter_that_fails_the_farmer_gets_first_aid(tmp_path: Path, failing: str) -> None:
    """The packages that run TFLite are hidden behind broken ones, as a bad update leaves them."""
    fill_camera(tmp_path)
    broken = {
        "import": "raise ImportError('libtensorflow is damaged')",
        "invoke": "class Interpreter:\n    def __init__(self, **_):\n        raise RuntimeError('out of memory')",
    }[failing]
    for package in ("ai_edge_litert", "tflite_runtime"):
        (tmp_path / "broken" / package).mkdir(parents=True)
        (tmp_path / "broken" / package / "__init__.py").touch()
        (tmp_path / "broken" / package / "interpreter.py").write_text(broken)
    with ModemSimulator() as network:
        config = write_config(tmp_path, network.port)
        text = first_aid(tmp_path, config, network, {"PYTHONPATH": str(tmp_path / "broken")})
    assert text.startswith("Rice: the kiosk could not diagnose the leaf today.")


def test_leaves_of_one_visit_vote_and_a_restart_begins_anew(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    with ModemSimulator() as network:
        config = write_config(tmp_path, network.port)
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            visit = client.post("/visits", json={}).json()["visit"]
            told = [client.post(f"/visits/{visit}/photo", json={}).json() for _ in range(3)]
            leaves = sum(answer["decision"] != "not_a_leaf" for answer in told)
            assert told[-1]["leaves"] in {leaves, 1}  # 1 where the last one was no leaf
            assert client.get(f"/visits/{visit}").json()["diagnosis"]["leaves"] >= 1
            assert kiosk.stop() == 0
