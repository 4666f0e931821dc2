"""The driver against the simulated modem, fault by fault; between them a pty and the real port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.config import SerialModem, SimulatedModem
from edge_daemon.diagnosis import Sms
from edge_daemon.errors import ConfigError, KrishiError, ModemGone, ModemMute, ModemNotReady, Refused, SendFailed
from edge_daemon.modem.port import open_port
from edge_daemon.modem.simulator import ModemSimulator, read_log
from edge_daemon.modem.sms import ModemState, SmsModem, open_modem

FARMER = "+919812345678"
OTHER = "+919812345679"
ENGLISH = "Rice blast. Spray at 5 pm {neem}."
HINDI = "पत्ते पर भूरे धब्बे दिखें तो खेत का पानी निकालें, 3 दिन बाद फिर देखें। जवाब: 1 हाँ, 2 नहीं"
SOON_S, SEND_S = 0.6, 0.6
"""Deadlines short enough to wait for, long enough for a machine with other work."""
PLENTY_S = 10.0


@pytest.fixture
def far_end() -> Iterator[ModemSimulator]:
    with ModemSimulator() as simulator:
        yield simulator


def config(simulator: ModemSimulator, *, hasty: bool = False, pin: str | None = None) -> SerialModem:
    ceilings = {"reply_s": SOON_S, "send_s": SEND_S} if hasty else {}
    return SerialModem.model_validate({"kind": "serial", "port": simulator.port, "sim_pin": pin, **ceilings})


def sms(text: str, number: str = FARMER, reference: int = 7, parts_sent: int = 0) -> Sms:
    return Sms(1, number, text, reference, parts_sent)


async def send(modem: SmsModem, message: Sms) -> list[tuple[int, int]]:
    confirmed: list[tuple[int, int]] = []
    await modem.send(message, lambda part, reference: confirmed.append((part, reference)))
    return confirmed


def with_modem(settings: SerialModem | SimulatedModem, act: Callable[[SmsModem], Coroutine[Any, Any, Any]]) -> Any:
    async def story() -> Any:
        async with asyncio.timeout(PLENTY_S), open_modem(settings) as modem:
            return await act(modem)

    return asyncio.run(story())


def reopened(settings: SerialModem, act: Callable[[SmsModem], Coroutine[Any, Any, Any]]) -> Any:
    """As the supervisor does: begin again after a mute modem, here at once."""
    for _ in range(5):
        with contextlib.suppress(ModemMute):
            return with_modem(settings, act)
    raise AssertionError("the modem stayed mute")


def shown(simulator: ModemSimulator) -> list[tuple[str, str, bool, int]]:
    return [(sms.number, sms.text, sms.complete, sms.repeats) for sms in simulator.received]


@pytest.mark.parametrize(("text", "parts", "encoding"), [(ENGLISH, 1, "GSM-7"), (HINDI, 2, "UCS-2")])
def test_a_text_arrives_as_it_was_given(far_end: ModemSimulator, text: str, parts: int, encoding: str) -> None:
    confirmed = with_modem(config(far_end), lambda modem: send(modem, sms(text)))
    assert confirmed == [(part, part - 1) for part in range(1, parts + 1)]
    (received,) = far_end.wait_for(1, PLENTY_S)
    assert (received.number, received.text, received.parts, received.encoding) == (FARMER, text, parts, encoding)
    assert (received.complete, received.repeats) == (True, 0)


def test_the_modem_is_made_ready_in_this_order(far_end: ModemSimulator) -> None:
    async def nothing(_: SmsModem) -> None:
        return

    with_modem(config(far_end), nothing)
    wanted = ["AT", "ATE0", "AT+CMEE=1", "AT+CGMI", "AT+CGMM", "AT+CFUN?", "AT+CPIN?", "AT+CCID", "AT+CSMS=0"]
    wanted += ["AT+CMGF=0", 'AT+CSCS="GSM"', "AT+COPS=3,0"]
    assert list(far_end.commands)[: len(wanted)] == wanted
    assert far_end.commands[-1] == "AT+CREG?"


def test_the_state_is_what_the_modem_says(far_end: ModemSimulator) -> None:
    state = with_modem(config(far_end), lambda modem: modem.check())
    assert state == ModemState("Krishi-Sandesh Modem simulator", "modem", "Rehearsal", "home", -71)
    assert state.as_data()["signal_dbm"] == -71


def test_the_references_count_over_a_full_octet(far_end: ModemSimulator) -> None:
    async def many(modem: SmsModem) -> list[int]:
        return [reference for _ in range(258) for _, reference in await send(modem, sms("a"))]

    assert with_modem(config(far_end), many) == [*range(256), 0, 1]


def test_a_repeat_begins_at_the_part_in_doubt(far_end: ModemSimulator) -> None:
    confirmed = with_modem(config(far_end), lambda modem: send(modem, sms(HINDI, parts_sent=1)))
    assert [part for part, _ in confirmed] == [2]
    assert [sms.complete for sms in far_end.received] == [False]


def test_nothing_is_left_to_send(far_end: ModemSimulator) -> None:
    assert with_modem(config(far_end), lambda modem: send(modem, sms(HINDI, parts_sent=2))) == []
    assert far_end.received == ()


@pytest.mark.parametrize(
    "fault",
    [
        lambda simulator: simulator.keep_echo(),
        lambda simulator: simulator.interleave("RING", '+CMTI: "SM",3'),
        lambda simulator: simulator.interleave("+CMT: ,23", "07911111"),
        lambda simulator: simulator.split_output(1),
        lambda simulator: simulator.answer_slowly(0.02),
    ],
    ids=["echo stays on", "unsolicited lines", "messages come in", "output byte by byte", "slow"],
)
def test_bad_manners_do_no_harm(far_end: ModemSimulator, fault: Callable[[ModemSimulator], None]) -> None:
    fault(far_end)
    assert len(with_modem(config(far_end), lambda modem: send(modem, sms(HINDI)))) == 2
    assert shown(far_end) == [(FARMER, HINDI, True, 0)]


def test_a_late_answer_is_not_taken_for_what_the_modem_is() -> None:
    async def kind(modem: SmsModem) -> ModemState:
        return await modem.check()

    with ModemSimulator(model="EC25") as far_end:
        far_end.interleave("+CMGS: 17")
        state = with_modem(config(far_end), kind)
    assert (state.model, state.profile) == ("Quectel EC25", "EC25")


def test_what_comes_while_idle_does_not_pile_up(far_end: ModemSimulator) -> None:
    async def idle(modem: SmsModem) -> list[tuple[int, int]]:
        for _ in range(20):
            far_end.announce(*['+CMTI: "SM",3'] * 200)
        far_end.announce("x" * 10_000)
        await modem.check()
        return await send(modem, sms(ENGLISH))

    assert len(with_modem(config(far_end), idle)) == 1


@pytest.mark.parametrize(
    ("code", "error"), [(1, Refused), (304, Refused), (38, SendFailed), (500, SendFailed), (310, ModemNotReady)]
)
def test_one_refused_number_and_the_next_message_goes(
    far_end: ModemSimulator, code: int, error: type[KrishiError]
) -> None:
    far_end.refuse(OTHER, code)

    async def two(modem: SmsModem) -> None:
        with pytest.raises(error, match=rf"CMS ERROR: {code} to AT\+CMGS") as why:
            await send(modem, sms(HINDI, OTHER))
        assert OTHER not in str(why.value)
        await send(modem, sms(HINDI))

    with_modem(config(far_end), two)
    assert shown(far_end) == [(FARMER, HINDI, True, 0)]


def test_a_number_that_was_refused_and_is_accepted(far_end: ModemSimulator) -> None:
    far_end.refuse(FARMER, 38)
    far_end.accept(FARMER)
    assert with_modem(config(far_end), lambda modem: send(modem, sms(ENGLISH))) == [(1, 0)]


def test_a_text_that_no_sms_carries_never_reaches_the_modem(far_end: ModemSimulator) -> None:
    async def refused(modem: SmsModem) -> None:
        with pytest.raises(Refused):
            await send(modem, sms(""))

    with_modem(config(far_end), refused)
    assert not any(command.startswith("AT+CMGS") for command in far_end.commands)


def test_mute_from_the_start(far_end: ModemSimulator) -> None:
    far_end.go_mute()
    with pytest.raises(ModemMute, match=r"did not answer AT within 0\.2 s"):
        with_modem(config(far_end, hasty=True), lambda modem: send(modem, sms(ENGLISH)))


@pytest.mark.parametrize("at", ["AT+CMGS=", "AT+CREG?"])
def test_mute_then_back(far_end: ModemSimulator, at: str) -> None:
    async def mute(modem: SmsModem) -> None:
        far_end.go_mute(at)
        with pytest.raises(ModemMute, match="did not answer AT"):
            await (send(modem, sms(HINDI)) if at == "AT+CMGS=" else modem.check())

    settings = config(far_end, hasty=True)
    with_modem(settings, mute)
    assert far_end.received == ()
    far_end.speak_again()
    assert len(with_modem(settings, lambda modem: send(modem, sms(HINDI)))) == 2
    assert shown(far_end) == [(FARMER, HINDI, True, 0)]


def test_the_answer_comes_after_the_deadline(far_end: ModemSimulator) -> None:
    """The prompt, and all that follows it, arrives while the modem is opened again, and disturbs nothing."""

    async def late(modem: SmsModem) -> None:
        far_end.answer_slowly(1.5 * SOON_S)
        with pytest.raises(ModemMute):
            await send(modem, sms(HINDI))

    settings = config(far_end, hasty=True)
    with_modem(settings, late)
    far_end.answer_slowly(0)
    assert len(reopened(settings, lambda modem: send(modem, sms(HINDI)))) == 2
    assert shown(far_end) == [(FARMER, HINDI, True, 0)]


def test_a_part_in_doubt_is_repeated_as_the_same_part(far_end: ModemSimulator) -> None:
    far_end.forget_answers(1)
    confirmed: list[int] = []

    async def in_doubt(modem: SmsModem) -> None:
        with pytest.raises(ModemMute, match=r"AT\+CMGS"):
            await modem.send(sms(HINDI), lambda part, _: confirmed.append(part))

    with_modem(config(far_end, hasty=True), in_doubt)
    assert confirmed == []
    with_modem(config(far_end), lambda modem: send(modem, sms(HINDI, parts_sent=len(confirmed))))
    assert shown(far_end) == [(FARMER, HINDI, True, 1)]


def test_a_prompt_left_open_by_a_killed_kiosk(far_end: ModemSimulator) -> None:
    killed = os.open(far_end.port, os.O_RDWR | os.O_NOCTTY)
    os.write(killed, b"AT+CMGS=30\r")
    assert b"AT+CMGS" in os.read(killed, 100)
    os.close(killed)
    assert len(with_modem(config(far_end), lambda modem: send(modem, sms(ENGLISH)))) == 1


@pytest.mark.parametrize("when", ["idle", "sending"])
def test_unplugged_then_back_under_another_name(tmp_path: Path, when: str) -> None:
    with ModemSimulator(link=tmp_path / "krishi-modem") as far_end:
        first = os.readlink(far_end.port)
        settings = config(far_end)

        async def unplugged(modem: SmsModem) -> None:
            if when == "sending":
                far_end.go_mute("AT+CMGS")
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(asyncio.to_thread(far_end.hang_up))
                    with pytest.raises(ModemGone, match="krishi-modem"):
                        await send(modem, sms(HINDI))
            else:
                far_end.hang_up()
            with pytest.raises(ModemGone, match="krishi-modem"):
                await modem.check()

        with_modem(settings, unplugged)
        with pytest.raises(ModemGone, match=r"No such file or directory\. Plug the modem in"):
            with_modem(settings, unplugged)
        far_end.come_back()
        assert os.readlink(far_end.port) != first
        assert len(with_modem(settings, lambda modem: send(modem, sms(HINDI)))) == 2
        assert shown(far_end) == [(FARMER, HINDI, True, 0)]


@pytest.mark.parametrize(
    ("state", "words"), [(0, "not looking"), (2, "still looking"), (3, "denies"), (4, "no coverage"), (9, "state is 9")]
)
def test_not_registered(far_end: ModemSimulator, state: int, words: str) -> None:
    far_end.set_registration(state)
    with pytest.raises(ModemNotReady, match=words):
        with_modem(config(far_end), lambda modem: modem.check())


def test_the_network_goes_while_idle(far_end: ModemSimulator) -> None:
    async def lost(modem: SmsModem) -> None:
        await modem.check()
        far_end.set_registration(4)
        with pytest.raises(ModemNotReady, match="no coverage"):
            await modem.check()
        with pytest.raises(ModemNotReady, match="331"):
            await send(modem, sms(ENGLISH))

    with_modem(config(far_end), lost)


def test_the_pin_is_entered_at_each_power_on() -> None:
    with ModemSimulator(pin="4711") as far_end:
        for _ in range(2):
            settings = config(far_end, pin="4711")
            assert len(with_modem(settings, lambda modem: send(modem, sms(ENGLISH)))) == 1
            assert far_end.commands.count("AT+CPIN=4711") == 1
            far_end.hang_up()
            far_end.come_back()


def test_a_wrong_pin_is_tried_once(tmp_path: Path) -> None:
    with ModemSimulator(pin="4711", link=tmp_path / "krishi-modem") as far_end:
        for words in ["did not take the PIN", "not tried twice", "not tried twice"]:
            with pytest.raises(ModemNotReady, match=words) as why:
                with_modem(config(far_end, pin="1234"), lambda modem: modem.check())
            assert "1234" not in str(why.value)
        assert far_end.commands.count("AT+CPIN=1234") == 1
        with_modem(config(far_end, pin="4711"), lambda modem: modem.check())


def test_a_pin_that_was_taken_without_an_answer_is_trusted_again(tmp_path: Path) -> None:
    with ModemSimulator(pin="4711", link=tmp_path / "krishi-modem") as far_end:
        settings = config(far_end, pin="4711").model_copy(update={"reply_s": 0.9})
        far_end.go_mute(at="AT+CPIN=")
        with pytest.raises(ModemMute):
            with_modem(settings, lambda modem: modem.check())
        far_end.speak_again()
        with_modem(settings, lambda modem: modem.check())
        far_end.hang_up()
        far_end.come_back()
        with_modem(settings, lambda modem: modem.check())


def test_a_part_without_an_answer_is_in_doubt_and_a_refused_one_is_not() -> None:
    with ModemSimulator() as far_end:
        settings = config(far_end).model_copy(update={"send_s": 0.5})
        far_end.forget_answers(1)
        with pytest.raises(ModemMute) as mute:
            with_modem(settings, lambda modem: send(modem, sms(ENGLISH)))
        assert mute.value.in_doubt
        far_end.refuse(sms(ENGLISH).number, 38)
        with pytest.raises(SendFailed) as refused:
            with_modem(settings, lambda modem: send(modem, sms(ENGLISH)))
        assert not refused.value.in_doubt


def test_a_pin_is_wanted_and_there_is_none() -> None:
    with ModemSimulator(pin="4711") as far_end, pytest.raises(ModemNotReady, match=r"Set \[modem\] sim_pin"):
        with_modem(config(far_end), lambda modem: modem.check())


def test_a_blocked_sim_is_left_alone(tmp_path: Path) -> None:
    with ModemSimulator(pin="4711", link=tmp_path / "krishi-modem") as far_end:
        for pin in ["0001", "0002", "0003"]:
            with pytest.raises(ModemNotReady):
                with_modem(config(far_end, pin=pin), lambda modem: modem.check())
        with pytest.raises(ModemNotReady, match="asks for SIM PUK"):
            with_modem(config(far_end, pin="4711"), lambda modem: modem.check())
        assert "AT+CPIN=4711" not in far_end.commands


def test_the_simulated_modem_of_a_rehearsal_keeps_a_log(tmp_path: Path) -> None:
    log = tmp_path / "network.jsonl"
    with_modem(SimulatedModem(log=log), lambda modem: send(modem, sms(HINDI)))
    assert [(sms.text, sms.complete) for sms in read_log(log)] == [(HINDI, True)]


@pytest.mark.parametrize(
    ("port", "error", "words"),
    [
        ("/dev/krishi-no-modem", ModemGone, "Plug the modem in"),
        ("/etc/hostname", ModemGone, "is not there"),
        ("nothing://here", ConfigError, "nothing://here"),
    ],
)
def test_a_port_that_cannot_be_opened(port: str, error: type[KrishiError], words: str) -> None:
    with pytest.raises(error, match=words):
        with_modem(SerialModem(kind="serial", port=port), lambda modem: modem.check())


def test_a_port_belongs_to_one_program(far_end: ModemSimulator) -> None:
    async def second(_: SmsModem) -> None:
        with pytest.raises(ModemGone, match="Another program uses it"):
            async with open_modem(config(far_end)):
                pass

    with_modem(config(far_end), second)


def test_a_modem_that_takes_nothing_does_not_hold_the_loop() -> None:
    """Nobody reads at the far end: the pty fills up, the write waits on the loop, and closing is at once."""
    master, slave = os.openpty()
    tty.setraw(slave)

    async def fill() -> None:
        port = await open_port(os.ttyname(slave), 115200, lambda _: None, lambda _: None)
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await port.write(b"x" * 1_000_000)
        finally:
            port.close()
            port.close()

    try:
        asyncio.run(asyncio.wait_for(fill(), PLENTY_S))
    finally:
        os.close(master)
        os.close(slave)


def test_a_write_that_waited_goes_on() -> None:
    """The far end begins to read after the pty was full."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)

    async def fill() -> int:
        port = await open_port(os.ttyname(slave), 115200, lambda _: None, lambda _: None)
        loop, taken, all_taken = asyncio.get_running_loop(), bytearray(), asyncio.Event()

        def take() -> None:
            taken.extend(os.read(master, 65_536))
            if len(taken) >= 100_000:
                all_taken.set()

        writing = asyncio.create_task(port.write(b"x" * 100_000))
        await asyncio.sleep(0)  # the write has begun
        loop.add_reader(master, take)
        await asyncio.gather(writing, all_taken.wait())
        loop.remove_reader(master)
        port.close()
        return len(taken)

    try:
        assert asyncio.run(asyncio.wait_for(fill(), PLENTY_S)) == 100_000
    finally:
        os.close(master)
        os.close(slave)
