"""smstools3, another's gateway, at the simulated modem: it sends to our reader and reads what our writer wrote.

It is the one program found that knows the Indian shift tables, and it writes and reads every letter of them. One run of
it sends and takes everything; the tests then look at what came. What it cannot do is data here, with the reason, and is
tested to be so.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_daemon.modem import national
from edge_daemon.modem.simulator import ModemSimulator, ReceivedSms
from tests import foreign
from tests.edge.modem.texts import SAMPLES

pytestmark = [pytest.mark.needs("smsd"), pytest.mark.slow, pytest.mark.xdist_group("smsd")]

DEADLINE_S = 300.0
"""For all that one smsd sends and takes, some half a second each; generous, since the machine may be busy."""
LANGUAGE_NAMES = {
    "tr": "Turkish", "es": "Spanish", "pt": "Portuguese", "bn": "Bengali", "gu": "Gujarati", "hi": "Hindi",
    "kn": "Kannada", "ml": "Malayalam", "or": "Oriya", "pa": "Punjabi", "ta": "Tamil", "te": "Telugu", "ur": "Urdu",
}  # fmt: skip
BY_NUMBER = {
    "+919800000001": "Is it 100 % {blast}? @£$¥ èéùìò ÄÖÑÜ§ ΔΦΓΛΩΠΨΣΘΞ [~] \\ | ^ €",
    "+919800000002": "Drain the field, then spray. " * 12,
    "+919800000003": "धान में झुलसा रोग है। ₹ 120 “अभी” छिड़कें",
    "+919800000004": "धान में झुलसा रोग है। " * 8,
}
SENT_OTHERWISE = {
    "+919800000401": ("ধান।", "bn", "ধান"),  # what a language's tables lack is left out, without a word
    "+919800000402": ("क्\u200dष", "hi", "क्ष"),
    "+919800000403": ("₹ 120", "hi", " 120"),
    "+919800000404": ("ab😀cd", None, "ab"),  # a text ends before its first letter outside the BMP
}
"""Number: a text, the language that smsd is told, and what it sends of it."""
READ_OTHERWISE = {"+919800000501": ("ab😀cd", "ab")}  # likewise
"""Number: a text, and what smsd reads of it."""


def letters(language: str, table: str) -> str:
    """Every letter of a national table that stands for itself, in the order of the codes."""
    tables = national.by_language()[language]
    codes = tables.locking if table == "locking" else tables.single
    unwritten = frozenset() if table == "locking" else tables.single_read_only
    written = dict.fromkeys(letter for code, letter in sorted(codes.items()) if code not in unwritten)
    return "".join(letter for letter in written if letter >= " ")


def by_table() -> dict[str, tuple[str, str]]:
    """A sample of each language, and every letter of each of its tables: by number, with the language."""
    texts = {}
    for language, sample in SAMPLES.items():
        identifier = national.by_language()[language].identifier
        texts[f"+9198000001{identifier:02}"] = (sample, language)
        texts[f"+9198000002{identifier:02}"] = (letters(language, "locking"), language)
        texts[f"+9198000003{identifier:02}"] = (letters(language, "single"), language)
    return {number: (text, language) for number, (text, language) in texts.items() if text}


BY_TABLE = by_table()


class Smstools:
    """smsd before a modem's port, with its folders in one of the test's."""

    def __init__(self, folder: Path, port: str) -> None:
        self._folder = folder
        for name in ("outgoing", "checked", "incoming", "report", "sent", "failed"):
            (folder / name).mkdir()
        folders = "".join(f"{path.name} = {path}\n" for path in folder.iterdir())
        config = folder / "smsd.conf"
        config.write_text(
            f"devices = SIM\n{folders}logfile = {folder}/log\nloglevel = 7\ninfofile = {folder}/info\n"
            f"pidfile = {folder}/pid\ndelaytime = 1\ndelaytime_mainprocess = 1\nincoming_utf8 = yes\n"
            f"decode_unicode_text = yes\ntrim_text = no\n"
            f"[SIM]\ndevice = {port}\ninit = AT+CNMI=0,1,0,2,0\nincoming = yes\nreport = yes\n"
        )
        self._command = [foreign.program("smsd") or "smsd", f"-c{config}", "-t"]

    def post(self, number: str, text: str, language: str | None = None) -> None:
        """Put a message where smsd takes it from."""
        headers = f"To: {number.removeprefix('+')}\nAlphabet: UTF\nReport: yes\n"
        headers += f"Language: {LANGUAGE_NAMES[language]}\n" if language else ""
        (self._folder / "outgoing" / number).write_text(f"{headers}\n{text}", encoding="utf-8")

    def run(self) -> subprocess.Popen[bytes]:
        """Begin it."""
        return subprocess.Popen(self._command, stdout=subprocess.DEVNULL, env=foreign.unpacked_environment())

    def read(self) -> dict[str, str]:
        """The texts that it has read, by sender."""
        return {_number(head): text for head, text in self._files("incoming")}

    def reports(self) -> Counter[str]:
        """How many reports of "delivered" it has read, by number."""
        return Counter(_number(head) for head, text in self._files("report") if "Status: 0," in text)

    def _files(self, name: str) -> Iterator[tuple[str, str]]:
        for path in (self._folder / name).iterdir():
            head, _, text = path.read_text(encoding="utf-8").partition("\n\n")
            yield head, text


def _number(head: str) -> str:
    found = re.search(r"^From: (.*)$", head, re.MULTILINE)
    assert found is not None, head
    return f"+{found[1]}"


@dataclass(frozen=True)
class Exchanged:
    """What went through smsd. sent: what our network put together, by number. read: what smsd read, by sender.

    reports: those that it read, by number.
    """

    sent: dict[str, ReceivedSms]
    read: dict[str, str]
    reports: Counter[str]


@pytest.fixture(scope="module")
def exchanged(tmp_path_factory: pytest.TempPathFactory) -> Exchanged:
    with ModemSimulator() as modem:
        smstools = Smstools(tmp_path_factory.mktemp("smstools"), modem.port)
        post_and_deliver(smstools, modem)
        smsd = smstools.run()
        try:
            modem.wait_for(len(BY_NUMBER) + len(BY_TABLE) + len(SENT_OTHERWISE), DEADLINE_S)
            modem.wait_until(lambda: not modem.stored() and not modem.undelivered, DEADLINE_S)
        finally:
            smsd.terminate()  # it finishes what it is at
            smsd.wait(DEADLINE_S)
        return Exchanged({sms.number: sms for sms in modem.received}, smstools.read(), smstools.reports())


def post_and_deliver(smstools: Smstools, modem: ModemSimulator) -> None:
    for number, text in BY_NUMBER.items():
        smstools.post(number, text)
        modem.deliver(number, text)
    for number, (text, language) in BY_TABLE.items():
        smstools.post(number, text, language)
        modem.deliver(number, text, shift=[language], coding="GSM-7")
    for number, (text, spoken, _) in SENT_OTHERWISE.items():
        smstools.post(number, text, spoken)
    for number, (text, _) in READ_OTHERWISE.items():
        modem.deliver(number, text)


def test_we_read_what_smstools_sends(exchanged: Exchanged) -> None:
    assert {number: exchanged.sent[number].text for number in BY_NUMBER} == BY_NUMBER
    assert [exchanged.sent[number].parts for number in BY_NUMBER] == [1, 3, 1, 3]


def test_we_read_each_letter_of_each_table_from_smstools(exchanged: Exchanged) -> None:
    for number, (text, language) in BY_TABLE.items():
        assert (exchanged.sent[number].text, exchanged.sent[number].encoding) == (text, "GSM-7"), language


def test_smstools_reads_what_we_write(exchanged: Exchanged) -> None:
    assert {number: exchanged.read[number] for number in BY_NUMBER} == BY_NUMBER


def test_smstools_reads_each_letter_of_each_table_from_us(exchanged: Exchanged) -> None:
    for number, (text, language) in BY_TABLE.items():
        assert exchanged.read[number] == text, language


def test_smstools_takes_our_reports(exchanged: Exchanged) -> None:
    """One for each part."""
    assert exchanged.reports == Counter({number: sms.parts for number, sms in exchanged.sent.items()})


def test_what_smstools_cannot_do(exchanged: Exchanged) -> None:
    assert {number: exchanged.sent[number].text for number in SENT_OTHERWISE} == {
        number: sent for number, (_, _, sent) in SENT_OTHERWISE.items()
    }
    assert {number: exchanged.read[number] for number in READ_OTHERWISE} == {
        number: read for number, (_, read) in READ_OTHERWISE.items()
    }
