"""Settings: the defaults are whole, every error names file, section and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_daemon import config
from edge_daemon.config import Config, FolderCamera, SerialModem, load, parse
from edge_daemon.errors import ConfigError

AGGREGATOR = "[aggregator]\nkey_file = '/k'\nentity_id = '110'\nheader = 'KRISHI'\n"


def test_the_defaults_are_a_complete_simulated_kiosk() -> None:
    whole = Config()
    assert (whole.camera.kind, whole.modem.kind, whole.kiosk.rehearsal) == ("folder", "simulator", True)


def test_an_empty_file_is_the_defaults() -> None:
    assert parse("", "kiosk.toml") == Config()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[kiosk]\nnmae = 'x'", ["kiosk.toml", "[kiosk] nmae", "no such key"]),
        ("[camra]\n", ["kiosk.toml", "[camra]", "no such key"]),
        ("[web]\nport = 99999", ["[web] port", "65535", "99999"]),
        ("[camera]\nkind = 'webcam'", ["[camera]", "webcam"]),
        ("[modem]\nkind = 'serial'\nbuad = 9600", ["[modem] buad", "no such key"]),
        ("[modem]\nkind = 'serial'\nbaud = 1", ["[modem] baud", "9600"]),
        ("[camera]\nkind = 'folder'\nfolder = 3", ["[camera] folder"]),
        ("[kiosk]\nrehearsal = false", ['[camera] kind = "folder"', '[modem] kind = "simulator"', "rehearsal = true"]),
        ("[sms]\nquiet_from = '25:00'", ["[sms] quiet_from", "25:00"]),
        ("[sms]\ntimezone = 'Asia/Nowhere'", ["[sms] timezone", "no such time zone", "Asia/Nowhere"]),
        ("[sms]\nallowed_numbers = ['12']", ["[sms] allowed_numbers", "12"]),
        ("[balance]\ncode = 'ATZ'", ["[balance] code", "ATZ"]),
        (f"{AGGREGATOR}url = 'https://:80'", ["[aggregator]", "no host"]),
        (f"{AGGREGATOR}url = 'https://sms.example:x'", ["[aggregator]", "ort could not"]),
        (f"{AGGREGATOR}url = 'https://sms.example/ä'", ["[aggregator] url"]),
        (f"{AGGREGATOR}url = 'http://sms.example'", ["[aggregator]", "plain http", "Use https"]),
        ("[kiosk\n", ["kiosk.toml", "not TOML", "line 1"]),
    ],
)
def test_a_mistake_is_named_where_it_stands(text: str, names: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "kiosk.toml")
    for name in names:
        assert name in str(caught.value)


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("[web]\nport = -1\n[state]\nphotos_mb = -1", "kiosk.toml")
    assert len(str(caught.value).splitlines()) == 2


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "kiosk.toml")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "kiosk.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path / "kiosk.toml")


def test_the_environment_may_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kiosk.toml").write_text("[kiosk]\nid = 'koraput-7'")
    monkeypatch.setenv("KRISHI_CONFIG", str(tmp_path / "kiosk.toml"))
    assert load(None).kiosk.id == "koraput-7"


def test_the_state_folder_follows_systemd_then_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert Config().state.path() == tmp_path / "krishi-sandesh"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/krishi-sandesh:/var/lib/other")
    assert Config().state.path() == Path("/var/lib/krishi-sandesh")


def test_a_command_beside_the_service_means_its_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kiosk.toml").write_text("[kiosk]\nid = 'koraput-7'")
    monkeypatch.setattr(config, "SYSTEM_FILE", tmp_path / "kiosk.toml")
    monkeypatch.setattr(config, "SYSTEM_STATE", tmp_path / "state")
    monkeypatch.delenv("KRISHI_CONFIG", raising=False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert load(None).state.folder is None  # the service has never run
    (tmp_path / "state").mkdir()
    assert load(None).state.path() == tmp_path / "state"
    assert load(tmp_path / "kiosk.toml").kiosk.id == "koraput-7"
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "of-systemd"))
    assert load(None).state.path() == tmp_path / "of-systemd"
    monkeypatch.delenv("STATE_DIRECTORY")
    (tmp_path / "kiosk.toml").write_text(f"[state]\nfolder = '{tmp_path}/named'")
    assert load(None).state.path() == tmp_path / "named"


def test_a_sim_pin_is_not_shown() -> None:
    modem = SerialModem(kind="serial", sim_pin="1234")
    assert "1234" not in repr(modem)
    assert FolderCamera().folder is None
    with pytest.raises(ConfigError) as caught:
        parse("[modem]\nkind = 'serial'\nsim_pin = '12x4'", "kiosk.toml")
    assert "[modem] sim_pin" in str(caught.value)
    assert "12x4" not in str(caught.value)
