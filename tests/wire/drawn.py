"""Messages of every kind as hypothesis draws them, and values of any kind."""

from __future__ import annotations

from hypothesis import strategies as st

from edge_daemon.wire.messages import (
    LATEST,
    Alarm,
    Candidate,
    DiagnosisReport,
    HealthReport,
    LedgerReport,
    LedgerRow,
    Thumbnail,
)

KIOSK = "koraput-7"

ids = st.uuids().map(lambda drawn: drawn.hex)
words = st.from_regex(r"\A[a-z_]{0,40}\Z")
labels = st.just("") | st.from_regex(r"\A[a-z_]{1,40}/[a-z_]{1,40}\Z")
versions = st.from_regex(r"\A[A-Za-z0-9 ._+-]{0,60}\Z")
moments = st.integers(0, LATEST)
counts = st.integers(0, 2**40)
small = st.integers(0, 255)
clocks = st.sampled_from(["synced", "unsure"])
printed = st.text(max_size=100).filter(str.isprintable)

diagnoses = st.builds(
    DiagnosisReport,
    diagnosis=ids,
    visit=ids | st.just("0" * 32),
    kiosk=st.just(KIOSK),
    taken_at=moments,
    clock=clocks,
    crop=st.none() | printed,
    decision=printed,
    candidates=st.lists(st.builds(Candidate, label=printed, permille=st.integers(0, 1000)), max_size=5).map(tuple),
    model=printed,
    language=printed,
    rehearsal=st.booleans(),
)
ledger_rows = st.builds(
    LedgerRow,
    kind=st.sampled_from(["advice", "help", "reason", "recall_3", "recall_14", "recall_90", "visit"]),
    row=st.integers(1, 2**53),
    farmer=st.just("") | st.from_regex(r"\A[0-9a-f]{16}\Z"),
    diagnosis=ids,
    label=labels,
    language=words,
    template=words,
    control=st.none() | st.booleans(),
    state=words,
    begun_at=moments,
    sent_at=st.none() | moments,
    ended_at=st.none() | moments,
    parts=small,
    options=small,
    right=small,
    answer=st.none() | small,
    late=st.booleans(),
)
ledgers = st.builds(
    LedgerReport,
    kiosk=st.just(KIOSK),
    at=moments,
    rows=st.lists(ledger_rows, min_size=1, max_size=4).map(tuple),
)
healths = st.builds(
    HealthReport,
    kiosk=st.just(KIOSK),
    at=moments,
    clock=clocks,
    starts=counts,
    uptime=moments,
    software=versions,
    model=versions,
    advice=versions,
    place=st.just("") | st.from_regex(r"\A(village:[0-9]{1,6}|geohash:[0-9b-hjkmnp-z]{1,5})\Z"),
    rehearsal=st.booleans(),
    disk_free_mb=counts,
    photos=counts,
    reports_waiting=counts,
    oldest_waiting=st.none() | moments,
    reports_parked=counts,
    sms_waiting=counts,
    sms_parked=counts,
    parts=st.lists(st.tuples(words, words), max_size=12).map(tuple),
    desired=st.integers(0, 2**32),
    bytes_day=counts,
)
alarms = st.builds(
    Alarm,
    kiosk=st.just(KIOSK),
    at=moments,
    clock=clocks,
    what=words,
    label=labels,
    count=counts,
    days=small,
    rehearsal=st.booleans(),
)
thumbnails = st.builds(Thumbnail, kiosk=st.just(KIOSK), diagnosis=ids, jpeg=st.binary(min_size=4, max_size=300))
others = ledgers | healths | alarms | thumbnails
messages = diagnoses | others

things = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(st.integers(0, 9) | st.text(max_size=2), inner, max_size=5)
    ),
    max_leaves=40,
)
"""Whatever CBOR can say, and some that it says with tags."""
