"""What of a camera program's log is kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.camera.program_log import LINE_BYTES, LINES_A_MINUTE, MINUTE_S, ProgramLog, printable


def test_lines_are_put_together_again_wherever_they_were_cut() -> None:
    log = ProgramLog()
    assert log.feed(b"Camera fron", 0) == []
    assert log.feed(b"tend has timed out!\nIt is\n\nclo", 0) == ["Camera frontend has timed out!", "It is"]
    assert log.end(0) == ["clo"]
    assert log.end(0) == []


def test_colour_and_what_steers_a_terminal_are_taken_out() -> None:
    assert printable(b"\x1b[1;32m INFO \x1b[1;37mCamera \x1b[0mlibcamera v0.4.0") == "INFO Camera libcamera v0.4.0"
    assert printable(b"a\x1b]0;title\x07b\rc\xff") == "a ]0;title b c\N{REPLACEMENT CHARACTER}"


@given(st.lists(st.binary(max_size=2 * LINE_BYTES), max_size=8))
def test_no_line_is_long_or_steers_anything(chunks: list[bytes]) -> None:
    log = ProgramLog()
    lines = [line for chunk in chunks for line in log.feed(chunk, 0)] + log.end(0)
    assert all(line and line.isprintable() and len(line) <= LINE_BYTES for line in lines)


def test_a_line_without_end_is_held_no_further_than_its_limit() -> None:
    log = ProgramLog()
    for _ in range(100):
        assert log.feed(b"x" * 4096, 0) == []
    assert log.end(0) == ["x" * LINE_BYTES]


def test_so_many_lines_a_minute_and_the_rest_is_counted() -> None:
    log = ProgramLog()
    assert len(log.feed(b"again\n" * (LINES_A_MINUTE + 40), 5)) == LINES_A_MINUTE
    assert log.feed(b"again\n", 5 + MINUTE_S - 1) == []
    assert log.feed(b"last words\n", 5 + MINUTE_S) == ["(41 more lines were left out)", "last words"]


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 2 * LINES_A_MINUTE)), max_size=20))
def test_never_more_than_two_minutes_worth_in_any_minute(steps: list[tuple[float, int]]) -> None:
    """A minute that we look at can touch two of the log's own; each may tell what the one before left out."""
    log, now, said = ProgramLog(), 0.0, []
    for passed_s, count in steps:
        now += passed_s
        said += [now] * len(log.feed(b"word\n" * count, now))
    assert all(sum(begin <= at < begin + MINUTE_S for at in said) <= 2 * LINES_A_MINUTE + 2 for begin in said)
