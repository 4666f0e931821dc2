"""What comes in, from the simulated network through the real port to the store: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.config import SerialModem
from edge_daemon.diagnosis import Kind, Sms
from edge_daemon.errors import ModemGone, ModemMute, ModemSick, SimTrouble, StateFull
from edge_daemon.modem.readiness import meet
from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.modem.sms import SmsModem, opened_link, ready_modem
from edge_daemon.sms_part import StoreSink
from edge_daemon.sms_reading import PduReading
from edge_daemon.store.store import Store

FARMER = "+919812345678"
HINDI = "पत्ते पर भूरे धब्बे दिखें तो खेत का पानी निकालें, 3 दिन बाद फिर देखें। जवाब: 1 हाँ, 2 नहीं"
PLENTY_S = 20.0
GENERIC = Path("firmware_config/modems/generic.toml")


@pytest.fixture
def far_end() -> Iterator[ModemSimulator]:
    with ModemSimulator() as simulator:
        yield simulator


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path, 0, reading=PduReading()) as opened:
        yield opened


class FullSink(StoreSink):
    """A store whose disk is full for so many messages."""

    def __init__(self, store: Store, troubles: int) -> None:
        super().__init__(store)
        self.troubles = troubles

    def message(self, pdu: str) -> None:
        if self.troubles:
            self.troubles -= 1
            raise StateFull("no room is left")
        super().message(pdu)


def config(simulator: ModemSimulator, profile: str = "auto") -> SerialModem:
    return SerialModem(kind="serial", port=simulator.port, profile=profile, reply_s=2.0)


def profile_with(folder: Path, **changes: object) -> str:
    """A profile like the generic one but for some keys. JSON's lists, texts and numbers are TOML's too."""
    keys = {**tomllib.loads(GENERIC.read_text(encoding="utf-8")), **changes}
    path = folder / f"other-{len(list(folder.iterdir()))}.toml"
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items()), encoding="utf-8")
    return str(path)


Act = Callable[[SmsModem], Coroutine[Any, Any, None]]


def receiving(settings: SerialModem, sink: StoreSink, act: Act) -> None:
    """Do something while the modem receives; what ends the receiving ends this."""

    async def story() -> None:
        async with asyncio.timeout(PLENTY_S), opened_link(settings) as (link, serial):
            modem = await ready_modem(link, serial, await meet(link, serial), sink)
            receive, acting = asyncio.create_task(modem.receive()), asyncio.create_task(act(modem))
            done, _ = await asyncio.wait({receive, acting}, return_when=asyncio.FIRST_COMPLETED)
            receive.cancel()
            acting.cancel()
            await asyncio.gather(receive, acting, return_exceptions=True)
            for task in done:
                task.result()

    asyncio.run(story())


async def until(condition: Callable[[], bool]) -> None:
    """The loop goes on turning meanwhile; the story's own deadline ends a wait in vain."""
    while not condition():  # noqa: ASYNC110 - the far end works in a thread of its own
        await asyncio.sleep(0.005)


def texts(store: Store) -> list[str]:
    return [message.text for message in store.inbound.new()]


def test_what_lay_in_the_sim_at_the_start_is_taken_and_the_places_are_free_again(
    far_end: ModemSimulator, store: Store
) -> None:
    far_end.deliver(FARMER, "Before.")

    async def swept(_: SmsModem) -> None:
        await until(lambda: texts(store) == ["Before."] and not far_end.stored())

    receiving(config(far_end), StoreSink(store), swept)


@pytest.mark.parametrize("cnmi", [[[2, 1, 0, 1, 0]], [[2, 2, 0, 1, 0]], [[2, 0, 0, 0, 0]], [[0, 1, 0, 0, 0]]])
@pytest.mark.parametrize("text", ["Is it blast?", HINDI * 2])
def test_a_message_is_taken_whichever_way_it_is_announced(
    far_end: ModemSimulator, store: Store, tmp_path: Path, cnmi: list[list[int]], text: str
) -> None:
    """Stored and announced, routed, stored in silence, and no announcement to be had: then a sweep finds it."""
    if cnmi[0][0] == 0:
        far_end.fail("AT+CNMI", None, count=100)
    profile = profile_with(tmp_path, cnmi=cnmi)

    async def arrives(modem: SmsModem) -> None:
        await until(lambda: bool(modem.incoming.counts["sweeps"]))
        far_end.deliver(FARMER, text)
        if not texts(store):
            modem.incoming.sweep_soon()  # what happens by itself every two minutes
        await until(lambda: texts(store) == [text] and not far_end.stored())

    receiving(config(far_end, profile), StoreSink(store), arrives)


def test_a_routed_message_is_acknowledged_only_when_it_is_kept(
    far_end: ModemSimulator, store: Store, tmp_path: Path
) -> None:
    profile = profile_with(tmp_path, cnmi=[[2, 2, 0, 1, 0]], csms=1)
    sink = FullSink(store, troubles=1)

    async def arrives(modem: SmsModem) -> None:
        far_end.deliver(FARMER, "Keep me.")
        await until(lambda: bool(texts(store)))

    far_end.ack_s = far_end.retry_s = 0.2
    with pytest.raises(StateFull):
        receiving(config(far_end, profile), sink, arrives)
    assert texts(store) == []

    async def comes_again(modem: SmsModem) -> None:
        """The modem has fallen silent meanwhile, and says so when it is asked how it is."""
        while texts(store) != ["Keep me."]:
            await modem.check()
            await asyncio.sleep(0.01)

    receiving(config(far_end, profile), sink, comes_again)


def test_a_full_disk_deletes_nothing_from_the_sim(far_end: ModemSimulator, store: Store) -> None:
    far_end.deliver(FARMER, "Keep me.")
    sink = FullSink(store, troubles=1)

    async def for_ever(_: SmsModem) -> None:
        await asyncio.Event().wait()

    with pytest.raises(StateFull):
        receiving(config(far_end), sink, for_ever)
    assert [slot.index for slot in far_end.stored()]

    async def swept(_: SmsModem) -> None:
        await until(lambda: texts(store) == ["Keep me."] and not far_end.stored())

    receiving(config(far_end), sink, swept)


def test_what_could_not_be_deleted_is_known_again(far_end: ModemSimulator, store: Store) -> None:
    far_end.deliver(FARMER, "Once.")
    far_end.fail("AT+CMGD", 500)

    async def swept_twice(modem: SmsModem) -> None:
        await until(lambda: texts(store) == ["Once."])
        modem.incoming.sweep_soon()
        await until(lambda: not far_end.stored())
        assert texts(store) == ["Once."]

    receiving(config(far_end), StoreSink(store), swept_twice)


def test_a_full_sim_is_emptied_and_what_waited_in_the_network_comes(far_end: ModemSimulator, store: Store) -> None:
    far_end.fill_memory()
    far_end.retry_s = 0.1
    far_end.deliver(FARMER, "I waited.")
    assert far_end.undelivered == 1

    async def comes(_: SmsModem) -> None:
        await until(lambda: "I waited." in texts(store))
        await until(lambda: not far_end.stored())

    receiving(config(far_end), StoreSink(store), comes)
    assert far_end.undelivered == 0


def test_a_pdu_that_breaks_the_standard_is_kept_aside_and_frees_its_place(
    far_end: ModemSimulator, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    far_end.deliver_pdu("07911326040000F0040B911346610089F600002080629173140880C8F71D14969741F977FD07")
    far_end.deliver(FARMER, "I am whole.")

    async def swept(_: SmsModem) -> None:
        await until(lambda: texts(store) == ["I am whole."] and not far_end.stored())

    receiving(config(far_end), StoreSink(store), swept)
    assert len(store.inbound.broken()) == 1
    assert "911346610089F6" not in caplog.text


def test_a_status_report_finds_its_part_routed_or_stored(far_end: ModemSimulator, store: Store, tmp_path: Path) -> None:
    for cnmi in ([[2, 1, 0, 1, 0]], [[2, 1, 0, 2, 0]]):
        profile = profile_with(tmp_path, cnmi=cnmi)
        before = far_end.reports_said

        async def reported(modem: SmsModem, before: int = before) -> None:
            sms = store.texts.queue(FARMER, "hi", HINDI, kind=Kind.ANSWER)
            taken = store.sms.take()
            assert taken is not None
            await modem.send(taken, lambda part, reference: store.part_sent(taken, part, reference))
            store.sms.delivered(taken)
            await until(lambda: store.texts.newest(id=sms.id)[0]["state"] == "delivered")
            assert far_end.reports_said == before + 2
            await until(lambda: not far_end.stored())

        receiving(config(far_end, profile), StoreSink(store), reported)


def test_reports_that_an_ec25_stores_and_does_not_give_do_no_harm(store: Store, tmp_path: Path) -> None:
    with ModemSimulator(model="EC25") as far_end:
        far_end.reports_unreadable = True
        profile = profile_with(tmp_path, cnmi=[[2, 1, 0, 2, 0]], memories=["ME", "SM"])

        async def goes_on(modem: SmsModem) -> None:
            sms = store.texts.queue(FARMER, "en", "One.", kind=Kind.ANSWER)
            taken = store.sms.take()
            assert taken is not None
            await modem.send(taken, lambda part, reference: store.part_sent(taken, part, reference))
            store.sms.delivered(taken)
            far_end.deliver(FARMER, "Thanks.")
            await until(lambda: texts(store) == ["Thanks."])
            assert store.texts.newest(id=sms.id)[0]["state"] == "sent"

        receiving(config(far_end, profile), StoreSink(store), goes_on)


def test_what_is_routed_is_kept_though_the_session_ends_before_its_turn(
    far_end: ModemSimulator, store: Store, tmp_path: Path
) -> None:
    """The line is held by a part whose answer does not come, as it is when a modem falls silent."""
    profile = profile_with(tmp_path, cnmi=[[2, 2, 0, 1, 0]])

    async def dies(modem: SmsModem) -> None:
        await until(lambda: bool(modem.incoming.counts["sweeps"]))
        far_end.forget_answers(1)
        far_end.announce('+CMTI: "SM",3')  # is looked at first, and waits for the line
        sending = asyncio.create_task(modem.send(Sms(1, FARMER, "Two.", 1, 0), lambda *_: None))
        await until(lambda: len(far_end.received) == 1)
        far_end.deliver(FARMER, "I am nowhere else.")
        await sending

    with pytest.raises(ModemMute):
        receiving(config(far_end, profile).model_copy(update={"send_s": 0.5}), StoreSink(store), dies)
    assert texts(store) == ["I am nowhere else."]


def test_a_modem_that_begins_anew_while_it_is_set_up_is_set_up_again(far_end: ModemSimulator, store: Store) -> None:
    """Or it would work with half of what it was told, such as the form of its messages."""
    far_end.answer_slowly(0.1)

    def restart() -> None:
        far_end.wait_until(lambda: "AT+CMGF=0" in far_end.commands, PLENTY_S)
        far_end.power_on()

    async def for_ever(_: SmsModem) -> None:
        await asyncio.Event().wait()

    with ThreadPoolExecutor(1) as beside:
        restarting = beside.submit(restart)
        with pytest.raises(ModemSick, match="begun anew"):
            receiving(config(far_end), StoreSink(store), for_ever)
        restarting.result()


@pytest.mark.parametrize("tells", [True, False])
def test_nothing_is_deleted_in_a_modem_that_began_anew(store: Store, tells: bool) -> None:
    """It looks into another memory by then, where what came since has the same places.

    The sweep has listed a place, and waits for the line, which a part without an answer holds. A modem that tells ends
    that part at once; of one that tells it late we know no more than that it owes an answer.
    """
    with ModemSimulator(model="SIM7600") as far_end:
        far_end.fill_memory(leave=19, memory="SM")  # place 1
        settings = config(far_end).model_copy(update={"send_s": 5.0 if tells else 0.5})

        async def restarts(modem: SmsModem) -> None:
            far_end.forget_answers(1)
            sending = asyncio.create_task(modem.send(Sms(1, FARMER, "One.", 1, 0), lambda *_: None))
            await until(lambda: len(far_end.received) == 1)
            far_end.answer_slowly(0.0 if tells else PLENTY_S)
            far_end.power_on()
            for text in ("In the modem, place 0.", "In the modem, place 1."):
                far_end.deliver(FARMER, text)
            await sending

        with pytest.raises(ModemSick if tells else ModemMute):
            receiving(settings, StoreSink(store), restarts)
        assert [kept.index for kept in far_end.stored("ME")] == [0, 1]


def test_a_modem_that_begins_anew_by_itself_ends_the_receiving(far_end: ModemSimulator, store: Store) -> None:
    async def restarts(_: SmsModem) -> None:
        far_end.announce("RDY")
        await asyncio.Event().wait()

    with pytest.raises(ModemSick, match="begun anew"):
        receiving(config(far_end), StoreSink(store), restarts)


def test_a_sim_that_comes_loose_is_said_so(far_end: ModemSimulator, store: Store) -> None:
    async def loose(_: SmsModem) -> None:
        far_end.announce("+CPIN: NOT READY")
        await asyncio.Event().wait()

    with pytest.raises(SimTrouble, match="lost its SIM"):
        receiving(config(far_end), StoreSink(store), loose)


def test_an_unplugged_modem_is_noticed_though_nothing_is_asked(far_end: ModemSimulator, store: Store) -> None:
    async def pulled(modem: SmsModem) -> None:
        await until(lambda: bool(modem.incoming.counts["sweeps"]))
        far_end.hang_up()
        await asyncio.Event().wait()

    with pytest.raises(ModemGone):
        receiving(config(far_end), StoreSink(store), pulled)


def test_a_babbling_modem_costs_a_sweep_and_no_memory(far_end: ModemSimulator, store: Store) -> None:
    async def babble(modem: SmsModem) -> None:
        far_end.announce(*['+CMTI: "SM",1'] * 800)
        far_end.deliver(FARMER, "Through.")
        await until(lambda: texts(store) == ["Through."])
        await until(lambda: modem.incoming.counts["lost_announcements"] > 0)

    receiving(config(far_end), StoreSink(store), babble)


@pytest.mark.parametrize("line", ['+CDSI: "SR",3', '+CMTI: "XX",1'])
def test_a_memory_that_the_modem_does_not_have_is_passed_over(far_end: ModemSimulator, store: Store, line: str) -> None:
    async def announced(modem: SmsModem) -> None:
        far_end.announce(line)
        far_end.deliver(FARMER, "Through.")
        await until(lambda: texts(store) == ["Through."] and not far_end.stored())

    receiving(config(far_end), StoreSink(store), announced)
