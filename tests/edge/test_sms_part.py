"""The daemon's SMS part: trouble of the disk between the network's answer and our note of it loses no message."""

from __future__ import annotations

import asyncio
import functools
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_daemon import parts
from edge_daemon.config import BalanceRules, Config, SerialModem
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Farmer, Photo, Sms, Visit
from edge_daemon.drain import flush
from edge_daemon.errors import ModemMute, StateFull
from edge_daemon.modem import ussd
from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.modem.sms import open_modem
from edge_daemon.sms_part import SmsPart
from edge_daemon.sms_reading import PduReading
from edge_daemon.store.sms_outbox import OPTED_OUT, SmsOutbox
from edge_daemon.store.store import Store
from edge_daemon.supervise import Health

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class FullWhenDone(SmsOutbox):
    """An outbox whose disk is full at the moment at which a message is done, once."""

    troubles = 1
    done: asyncio.Event

    def delivered(self, message: Sms) -> None:
        if self.troubles:
            self.troubles -= 1
            raise StateFull("no room is left")
        super().delivered(message)
        self.done.set()


def queued(store: Store) -> Visit:
    visit = Visit(uuid.uuid4().hex, NOW, "unsure", "en")
    store.begin(visit)
    candidates = (Candidate("rice/blast", 0.9),)
    found = Diagnosis(uuid.uuid4().hex, visit, NOW, "unsure", Decision.ANSWER, candidates, 0.9, "m", "file:x", True)
    store.record(found, Photo(b"x", NOW, "file:x"), b"report")
    store.queue_sms(found, Farmer("+919812345678", "en"), "Two parts. " * 20)
    return visit


def test_a_full_disk_after_the_last_part_sends_nothing_twice(tmp_path: Path) -> None:
    async def scene(store: Store, network: ModemSimulator) -> None:
        config = Config(modem=SerialModem(kind="serial", port=network.port))
        part = SmsPart(config, store, Health())
        assert isinstance(store.sms, FullWhenDone)
        store.sms.done = asyncio.Event()
        with pytest.raises(StateFull):
            await part.run()
        assert store.queues()["sms"] == {"sending": 1}
        draining = asyncio.create_task(part.run())
        await asyncio.wait_for(store.sms.done.wait(), 60)
        draining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await draining

    with Store.open(tmp_path, 0, reading=PduReading()) as store, ModemSimulator() as network:
        visit = queued(store)
        store.sms.__class__ = FullWhenDone
        asyncio.run(scene(store, network))
        (sms,) = network.received
        assert (sms.complete, sms.parts, sms.repeats) == (True, 2, 0)
        assert store.sms_states(visit)[0]["state"] in {"sent", "delivered"}


def test_a_balance_that_the_modem_does_not_tell_is_not_asked_at_each_start_of_its_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A modem that falls silent on AT+CUSD would be set up again, and asked again, for ever."""
    monkeypatch.setattr(ussd, "TAKEN_S", 0.2)

    async def scene(store: Store, network: ModemSimulator) -> None:
        modem = SerialModem(kind="serial", port=network.port, reply_s=0.5)
        part = SmsPart(Config(modem=modem, balance=BalanceRules(code="*123#")), store, Health())
        working = asyncio.create_task(part.run())
        async with asyncio.timeout(60):
            while not part.tell()["remedies"]:  # noqa: ASYNC110 - the modem is asked in another thread
                await asyncio.sleep(0.01)
            network.speak_again()
            for _ in range(2):
                while part.tell()["modem"] is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                part.modem.incoming.fail(ModemMute("The modem was made to begin again."))
                while part.tell()["modem"] is not None:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

    with Store.open(tmp_path, 0, reading=PduReading()) as store, ModemSimulator() as network:
        network.go_mute("AT+CUSD")
        asyncio.run(scene(store, network))
        assert sum(command.startswith("AT+CUSD=1") for command in network.commands) == 1


def test_what_is_routed_before_the_modem_is_met_is_kept(tmp_path: Path) -> None:
    """It was told to route by the kiosk before a restart, and says it while it is asked what it is."""
    deliver = "0791198994000010040C9119898143658700006211322100002205C8329BFD06"

    async def scene(store: Store, network: ModemSimulator) -> None:
        part = SmsPart(Config(modem=SerialModem(kind="serial", port=network.port)), store, Health())
        working = asyncio.create_task(part.run())
        async with asyncio.timeout(60):
            while not store.inbound.new():  # noqa: ASYNC110 - the modem speaks from another thread
                await asyncio.sleep(0.01)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

    with Store.open(tmp_path, 0, reading=PduReading()) as store, ModemSimulator() as network:
        network.interleave("+CMT: ,24", deliver)
        network.go_mute("AT+CGMM")
        asyncio.run(scene(store, network))
        assert [message.text for message in store.inbound.new()] == ["Hello"]


class OptsOutMeanwhile(Store):
    """A store whose farmer opts out as soon as the first part has gone."""

    def part_sent(self, sms: Sms, part: int, modem_reference: int) -> None:
        super().part_sent(sms, part, modem_reference)
        self.texts.opt_out(sms.number)


def test_who_opts_out_between_two_parts_gets_no_second_one(tmp_path: Path) -> None:
    async def scene(store: Store, network: ModemSimulator) -> None:
        async with open_modem(SerialModem(kind="serial", port=network.port)) as modem:
            await flush(store.sms, functools.partial(parts.send, modem, store))

    with OptsOutMeanwhile.open(tmp_path, 0, reading=PduReading()) as store, ModemSimulator() as network:
        visit = queued(store)
        asyncio.run(scene(store, network))
        (sms,) = network.received
        assert not sms.complete
        (told,) = store.sms_states(visit)
        assert (told["state"], told["why"], told["parts_sent"]) == ("parked", OPTED_OUT, 1)
