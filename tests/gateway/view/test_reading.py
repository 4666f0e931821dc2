"""Reading has a deadline, and what goes wrong has a name, on both databases."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from gateway.errors import DatabaseAway
from gateway.reading import TooSlow, reading
from tests.peers.program import free_port

FOR_EVER = """
WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 1000000000) SELECT count(n) FROM many
"""


def test_an_answer_that_takes_too_long_is_cut_off_and_the_next_is_not(engine: Engine) -> None:
    for _ in range(3):
        with pytest.raises(TooSlow, match="Ask for less"), reading(engine, deadline_s=0.2) as db:
            db.execute(text(FOR_EVER))
        with reading(engine, deadline_s=None) as db:
            assert db.execute(text("SELECT 1")).scalar_one() == 1


def test_a_database_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/none/x.db", f"postgresql+psycopg://me:secret@127.0.0.1:{free_port()}/x"):
        with pytest.raises(DatabaseAway) as caught, reading(create_engine(url)) as db:
            db.execute(text("SELECT 1"))
        assert "secret" not in str(caught.value)


def test_many_read_at_once(engine: Engine) -> None:
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(20):
                with reading(engine) as db:
                    db.execute(text("SELECT count(*) FROM kiosk")).scalar_one()
        except Exception as why:  # noqa: BLE001 - told below
            failures.append(why)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
