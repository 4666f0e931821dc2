"""The gateway's database, as SQLAlchemy Core tables: SQLite by default, PostgreSQL in service.

Times are whole seconds since 1970-01-01 UTC. What kiosks sent is keyed by what it is, never by when it came, so that
whatever comes twice is stored once: a diagnosis by (kiosk, id); a row of a kiosk's ledger by (kiosk, diagnosis, whether
it is an advice, row). Row numbers alone would not do: a kiosk whose card was put back from an older copy gives them
anew.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

VERSION = 1
"""Of this set of tables; stands in the table `version`."""

metadata = MetaData()

_ROW_ID = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself for INTEGER alone."""

version = Table("version", metadata, Column("version", Integer, primary_key=True))

kiosk = Table(
    "kiosk",
    metadata,
    Column("id", String(32), primary_key=True),
    Column(
        "state", String(10), nullable=False
    ),  # "invited", "enrolled", "revoked"; "seen": sent, but was never enrolled
    Column("site", Text, nullable=False, server_default=""),  # as whoever invited it wrote it
    Column("place", Text, nullable=False, server_default=""),  # as the kiosk itself says: HealthReport.place
    Column("invited_at", BigInteger),
    Column("enrolled_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("certificate", Text, nullable=False, server_default=""),  # the newest, PEM
    Column("serial", Text, nullable=False, server_default=""),  # hexadecimal
    Column("expires_at", BigInteger),  # the newest certificate
    Column("first_seen_at", BigInteger),
    Column("last_seen_at", BigInteger),  # its newest batch came
    Column("lost_at", BigInteger),  # its last will came
    Column("boot", LargeBinary),  # of its newest batch
    Column("starts", BigInteger),
    Column("restored_at", BigInteger),  # its starts went back: an older copy of its card was put in
    Column("clock", String(6)),  # of its newest health report
    Column("clock_off_s", BigInteger),  # the kiosk's time less ours, when that report was fresh
    Column("software", Text, nullable=False, server_default=""),
    Column("model", Text, nullable=False, server_default=""),
    Column("advice", Text, nullable=False, server_default=""),
    Column("disk_free_mb", BigInteger),
    Column("backlog", BigInteger),  # reports_waiting
    Column("backlog_before", BigInteger),  # of the health report before that
    Column("oldest_waiting", BigInteger),
    Column("parked", BigInteger),  # reports and SMS
    Column("modem", Text, nullable=False, server_default=""),  # state of its part "sms"
    Column("health", JSON),  # the newest health report, whole
    Column("health_at", BigInteger),  # when that came
    Column("rehearsal", Boolean),
    Column("desired", JSON),  # wire.replies.Desired
    Column("desired_at", BigInteger),
    Column("diagnoses", BigInteger, nullable=False, server_default="0"),  # stored of it
    Column("set_aside", BigInteger, nullable=False, server_default="0"),  # messages that were
    Column("aside_at", BigInteger),  # the newest of them came
    Column("held_back", BigInteger, nullable=False, server_default="0"),  # batches beyond its share, not taken
    Column("held_back_at", BigInteger),  # the newest of them came
    Column("bytes", BigInteger, nullable=False, server_default="0"),  # payload of its batches
    Index("kiosk_by_seen", "last_seen_at"),
    Index("kiosk_by_wish", "desired_at"),
)

token = Table(
    "token",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256 of the token, hexadecimal: the token itself is nowhere
    Column("kiosk", String(32), nullable=False),
    Column("site", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)

issued = Table(
    "issued",
    metadata,
    Column("serial", Text, primary_key=True),  # hexadecimal
    Column("kiosk", String(32), nullable=False),
    Column("request", String(64), nullable=False),  # SHA-256 of its CSR: who asks twice gets the same certificate
    Column("certificate", Text, nullable=False),  # PEM
    Column("at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("issued_by_kiosk", "kiosk"),
)

revoked = Table(
    "revoked",
    metadata,
    Column("serial", Text, primary_key=True),  # hexadecimal
    Column("kiosk", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),  # after it the list need not name it
)

stream = Table(
    "stream",
    metadata,
    Column("kiosk", String(32), primary_key=True),
    Column("boot", LargeBinary, primary_key=True),
    Column("upto", BigInteger, nullable=False, server_default="0"),  # all numbers up to this are stored
    Column("began_at", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
)

ahead = Table(
    "ahead",
    metadata,
    Column("kiosk", String(32), primary_key=True),
    Column("boot", LargeBinary, primary_key=True),
    Column("first", BigInteger, primary_key=True),  # stored, but something before it is not yet
    Column("last", BigInteger, nullable=False),
)

diagnosis = Table(
    "diagnosis",
    metadata,
    Column("kiosk", String(32), primary_key=True),
    Column("id", String(32), primary_key=True),
    Column("visit", String(32), nullable=False),
    Column("taken_at", BigInteger, nullable=False),  # by the kiosk's clock
    Column("synced", Boolean, nullable=False),
    Column("crop", Text),
    Column("decision", Text, nullable=False),
    Column("label", Text, nullable=False),  # of the best candidate; "" where there is none
    Column("permille", SmallInteger, nullable=False),
    Column("candidates", JSON, nullable=False),  # [[label, permille], ...]
    Column("model", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("rehearsal", Boolean, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Index("diagnosis_by_label", "label", "taken_at"),
    Index("diagnosis_by_received", "received_at"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("kiosk", String(32), primary_key=True),
    Column("diagnosis", String(32), primary_key=True),
    Column("advice", Boolean, primary_key=True),
    Column("row", BigInteger, primary_key=True),
    Column("at", BigInteger, nullable=False),  # of the report that told it so; the latest counts
    Column("kind", Text, nullable=False),
    Column("farmer", String(16), nullable=False),
    Column("label", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("control", Boolean),
    Column("state", Text, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("parts", SmallInteger, nullable=False),
    Column("options", SmallInteger, nullable=False),
    Column("right", SmallInteger, nullable=False),
    Column("answer", SmallInteger),
    Column("late", Boolean, nullable=False),
    Column("received_at", BigInteger, nullable=False),
)

alarm = Table(
    "alarm",
    metadata,
    Column("kiosk", String(32), primary_key=True),
    Column("what", String(40), primary_key=True),
    Column("label", String(100), primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("days", SmallInteger, nullable=False),
    Column("synced", Boolean, nullable=False),
    Column("rehearsal", Boolean, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Index("alarm_by_received", "received_at"),
)

thumbnail = Table(
    "thumbnail",
    metadata,
    Column("kiosk", String(32), primary_key=True),
    Column("diagnosis", String(32), primary_key=True),
    Column("jpeg", LargeBinary, nullable=False),
    Column("received_at", BigInteger, nullable=False),
)

aside = Table(
    "aside",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("kiosk", String(32), nullable=False),  # by the topic; "" where that is none of ours
    Column("digest", String(64), nullable=False),  # SHA-256 of the body: what comes again is not kept again
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Index("aside_once", "kiosk", "digest", unique=True),
)

share = Table(
    "share",
    metadata,
    Column("kiosk", String(32), primary_key=True),
    Column("hour", BigInteger, primary_key=True),  # received_at // 3600
    Column("messages", BigInteger, nullable=False),  # taken of it in this hour
)
