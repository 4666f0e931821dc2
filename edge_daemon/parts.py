"""The parts, opened and put together as the configuration says: for the daemon, the command line and the demo."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge_daemon import sms_policy, telephone
from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.advice.compose import compose
from edge_daemon.camera import Camera, open_camera
from edge_daemon.clock import Now, system_now
from edge_daemon.config import Config
from edge_daemon.conversation import meaning
from edge_daemon.conversation.plan import Plan
from edge_daemon.conversation.talk import Talk
from edge_daemon.conversation.words import Words
from edge_daemon.diagnosis import Diagnosis, Kind, Sms
from edge_daemon.errors import ModelError, Refused
from edge_daemon.judge import Judge, Vision
from edge_daemon.kiosk import Kiosk, TakesPhotos
from edge_daemon.ledger_report import tell_gateway
from edge_daemon.modem import alphabet
from edge_daemon.modem.sms import SmsModem
from edge_daemon.references import References
from edge_daemon.sms_reading import PduReading
from edge_daemon.store.sms_outbox import OPTED_OUT
from edge_daemon.store.store import Store
from edge_daemon.sync import windows
from edge_daemon.thumbnails import Sharing
from edge_daemon.vision import image, quality
from edge_daemon.vision.decision import warmth
from edge_daemon.vision.models import Models
from edge_daemon.vision.thumbnail import thumbnail
from edge_daemon.visits import Visits
from edge_daemon.wire.messages import MOST_JPEG_BYTES
from edge_daemon.wording import Wording

MB = 1_000_000


@dataclass(frozen=True)
class Skill:
    """What the kiosk knows: models and a catalogue that fit each other."""

    judge: Judge[Any]
    catalogue: Catalogue
    models: Models


@contextlib.contextmanager
def open_skill(config: Config) -> Iterator[Skill]:
    """Load the catalogue and the first model that works; with none, the judge gives first aid. Raises AdviceFaulty."""
    catalogue = Catalogue.load()
    models = Models(config.model.paths(), catalogue.check_labels)
    with contextlib.suppress(ModelError):  # it stands in models.trouble, and the log
        models.load()
    vision = Vision(
        decode=image.decode, check=quality.check, classify=models.classify, decide=models.decide, warmth=warmth
    )
    judge = Judge(vision, config.kiosk.rehearsal)
    try:
        yield Skill(judge, catalogue, models)
    finally:
        judge.close()


@contextlib.asynccontextmanager
async def opened_camera(config: Config) -> AsyncIterator[Camera]:
    """The configured camera, closed at the end."""
    camera = open_camera(config.camera, config.state.path())
    try:
        yield camera
    finally:
        await camera.close()


def open_store(config: Config) -> Store:
    """The configured state folder, alone. Raises StateError."""
    return Store.open(config.state.path(), config.state.photos_mb * MB, system_now, config.sms, PduReading())


def share_store(config: Config) -> Store:
    """The configured state folder, beside the process that drains it. Raises StateError."""
    return Store.share(config.state.path(), config.state.photos_mb * MB, system_now, config.sms, PduReading())


def look_store(config: Config) -> Store:
    """The configured state folder, to read from. Raises StateError."""
    return Store.look(config.state.path(), system_now, config.sms, PduReading())


def count_sms_parts(text: str, shift: Sequence[str] = ()) -> int:
    """How many SMS a text costs; shift: as alphabet.count_parts. Raises Refused for what no SMS can carry."""
    return alphabet.count_parts(text, shift)


def build_kiosk(config: Config, skill: Skill, camera: TakesPhotos, store: Store) -> Kiosk:
    """The straight line. What it texts is asked about later, as the conversation's plan says."""
    wording = Wording(skill.catalogue, config.conversation.officer)
    store.questions.planner = Plan(config.conversation, wording.urgency)
    return Kiosk(
        id=config.kiosk.id,
        camera=camera,
        judge=skill.judge,
        compose=functools.partial(compose_sms, skill.catalogue),
        store=store,
        now=system_now,
    )


def compose_sms(catalogue: Catalogue, diagnosis: Diagnosis, language: str, notice: bool = False) -> str:
    """The SMS on a diagnosis; notice: it ends with what the number is used for."""
    said = catalogue.say(language).say("notice_sms") if notice else ""
    return compose(catalogue, diagnosis, language, count_parts=alphabet.count_parts, notice=said)


def build_talk(
    config: Config,
    catalogue: Catalogue,
    store: Store,
    now: Now = system_now,
    clock_s: Callable[[], float] = time.monotonic,
    well: Callable[[], object] = lambda: None,
) -> Talk:
    """The conversation. well: see Talk."""
    words = Words.load()
    talk = Talk(
        rules=config.conversation,
        sms=config.sms,
        language=config.kiosk.language,
        inbound=store.inbound,
        questions=store.questions,
        texts=Wording(catalogue, config.conversation.officer),
        read=lambda text: meaning.read(text, words, catalogue),
        sender=functools.partial(telephone.sender, country=config.kiosk.country),
        again=lambda diagnosis, language: compose_sms(catalogue, store.diagnosis_by_id(diagnosis), language),
        now=now,
        clock_s=clock_s,
        daily=_daily(config, store),
        well=well,
    )
    store.questions.judge, store.questions.clock_s = talk.judge, clock_s
    return talk


def _daily(config: Config, store: Store) -> Callable[[datetime], None]:
    """All that is done once a day, at a moment that the clock is sure of. Raises StateError."""

    def work(now: datetime) -> None:
        tell_gateway(store.told, config.kiosk.id, config.conversation.control_percent, now)
        store.erasure.forget_old(now, config.farmers.keep_days, config.farmers.inbound_days)

    return work


def build_visits(config: Config, skill: Skill, kiosk: Kiosk, store: Store) -> Visits:
    """The door to the straight line."""
    normalise = functools.partial(telephone.normalise, country=config.kiosk.country)
    pictures = References(config.model.references)
    return Visits(
        kiosk,
        store,
        skill.catalogue,
        normalise,
        config.kiosk.language,
        build_sharing(config, skill, store),
        has_reference=lambda label: pictures.path(label) is not None,
        lab_only=skill.models.lab_only,
    )


def build_sharing(config: Config, skill: Skill, store: Store) -> Sharing:
    """The question for pictures of uncertain cases, as far as the configuration allows it."""
    shrink = functools.partial(thumbnail, most_bytes=MOST_JPEG_BYTES)
    return Sharing(
        kiosk=config.kiosk.id,
        consents=store.consents,
        wanted=lambda: windows.wants_pictures(config.sync, windows.kept(store.link.followed())),
        question=skill.catalogue.consent,
        shrink=functools.partial(skill.judge.computed, shrink),
    )


async def send(modem: SmsModem, store: Store, sms: Sms) -> None:
    """Send one message, writing down each part that the network took.

    Whoever opts out meanwhile gets no further part. Raises DeviceError, Refused.
    """

    def before_part() -> None:
        if sms.kind is not Kind.CONFIRMATION and store.texts.has_opted_out(sms.number):
            raise Refused(OPTED_OUT)

    validity = sms_policy.validity(sms.kind, store.sms.rules)
    await modem.send(sms, functools.partial(store.part_sent, sms), validity, before_part)
