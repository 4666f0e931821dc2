"""krishi-gateway: parse, call one function, map named errors to exit codes. A bug keeps its traceback.

Each command imports what it needs when it runs.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gateway.config import Config, load
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.store import Store

TROUBLES = (*("silent", "backlog", "clock", "disk", "modem", "certificate", "restored", "garbage", "flood", "revoked"),)
"""Of a kiosk: gateway.troubles, which is slow to import, has the rules."""
FORGOTTEN = ("diagnoses", "ledger", "alarms", "thumbnails", "aside")
"""What can be: gateway.forget, which is slow to import, has the tables."""
EXIT_CODES = """\
exit codes: 0 done; 64 usage; 65 a kiosk, host, token or request cannot be used; 69 broker or database not there;
71 the clock is wrong; 73 a file cannot be written; 74 database or authority cannot be used;
76 nothing arrived in a rehearsal; 78 configuration
"""


def main() -> NoReturn:
    """Run the command line and exit. Names and codes are those of sysexits.h."""
    arguments = build_parser().parse_args()
    _log_to_stderr(arguments.verbose)
    try:
        code = arguments.command(load(arguments.config), arguments)
    except GatewayError as why:
        print(f"krishi-gateway: {why}", file=sys.stderr)
        sys.exit(why.exit_code)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(code)


class Parser(argparse.ArgumentParser):
    """Ends with EX_USAGE instead of argparse's 2."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        print(f"{self.prog}: {message}. See {self.prog} --help.", file=sys.stderr)
        sys.exit(64)


def build_parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    common = Parser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", help="a gateway.toml (default: the system's, if any)")
    common.add_argument("--verbose", "-v", action="store_true", help="also say what each part does")
    parser = Parser("krishi-gateway", description="Receives what the kiosks tell, and tells them what it wants.")
    parser.epilog = EXIT_CODES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, summary: str, command: object) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary, parents=[common])
        added.set_defaults(command=command)
        return added

    add("check", "whether database, broker and authority are as they should be", _check)
    work = add("run", "be the gateway: take reports, answer requests", _run)
    work.add_argument(
        "--only", choices=["ingest", "web", "enrolment"], action="append", help="this part alone; may be given again"
    )
    work.add_argument(
        "--metrics",
        type=_address,
        metavar="[HOST:]PORT",
        help="also serve what the worker counts, for Prometheus; for a worker without the web part (default: no)",
    )
    show = add("rehearse", "run a command beside a broker and a gateway of its own; say what arrived", _rehearse)
    show.add_argument("words", nargs="+", metavar="-- COMMAND", help="a program and its arguments, after --")
    _add_identity(add)
    _add_looks(add)
    _add_upkeep(add)
    return parser


def _add_identity(add: Callable[..., argparse.ArgumentParser]) -> None:
    """The commands by which kiosks become known, and unknown again."""
    new = add("init", "make the certificate authority and the broker's files; once", _init)
    new.add_argument(
        "--host",
        nargs="+",
        action="extend",
        required=True,
        metavar="NAME",
        help="names or addresses by which kiosks reach the gateway, the one to tell them first",
    )
    one = add("enrol", "invite a kiosk: write the file with which it gets its certificate", _enrol)
    one.add_argument("kiosk", help="its id, as in the kiosk's own kiosk.toml")
    one.add_argument("--site", required=True, metavar="TEXT", help="where it stands, for those who read lists")
    one.add_argument("--out", type=Path, metavar="FILE", help="the invitation (default: standard output)")
    one.add_argument("--enrolment", metavar="URL", help="where the kiosk asks (default: https, the first host of init)")
    one.add_argument("--broker", metavar="URL", help="where it reports (default: mqtts, the first host of init)")
    gone = add("revoke", "let a kiosk in no more, neither at the broker nor at the gateway", _revoke)
    gone.add_argument("kiosk")


def _add_looks(add: Callable[..., argparse.ArgumentParser]) -> None:
    """The commands over what the kiosks told."""
    look = add("kiosks", "the kiosks, when they were last heard of, and what is wrong", _kiosks)
    look.add_argument("kiosk", nargs="?", help="all about this one")
    look.add_argument("--trouble", choices=["any", *TROUBLES], metavar="NAME", help=f"any, {', '.join(TROUBLES)}")
    look.add_argument("--site", help="those of this site alone")
    look.add_argument("--json", action="store_true", help="a line of JSON for each, for programs")
    wish = add("want", "change what the gateway wants of a kiosk; it hears of it when it next opens its link", _want)
    which = wish.add_mutually_exclusive_group(required=True)
    which.add_argument("kiosk", nargs="?", help="of this one")
    which.add_argument("--all", action="store_true", help="of every kiosk that is not revoked")
    wish.add_argument("--daily-kb", type=int, metavar="N", help="kB over its link in 24 hours, both ways")
    wish.add_argument("--every-min", type=int, metavar="N", help="minutes between two openings of its link")
    wish.add_argument(
        "--thumbnails", choices=["on", "off"], help="small pictures of unsure cases; on starts none alone"
    )
    wish.add_argument("--health", action="store_true", help="a health report, soon")
    wish.add_argument("--own", action="store_true", help="forget what was wanted: as its own configuration says")
    out = add("export", "write what the kiosks sent into a file, for a spreadsheet or a notebook", _export)
    out.add_argument("kind", choices=["diagnoses", "ledger", "health", "alarms"])
    out.add_argument("--format", choices=["csv", "parquet"], default="csv", help="csv unless told otherwise")
    out.add_argument("--out", type=Path, metavar="FILE", required=True, help="the file, which is replaced as a whole")
    for end, words in (("since", "from this day or time on, UTC"), ("until", "until before this day or time, UTC")):
        out.add_argument(f"--{end}", metavar="TIME", help=words)
    out.add_argument("--kiosk", help="of this kiosk alone")
    out.add_argument(
        "--with-farmers", action="store_true", help="with pseudonyms, which tie a farmer's visits together"
    )
    out.add_argument("--with-rehearsals", action="store_true", help="with simulated photos and modems")


def _add_upkeep(add: Callable[..., argparse.ArgumentParser]) -> None:
    """The commands over what is kept."""
    add("reread", "read again what could not be read when it came; after an update", _reread)
    away = add("forget", "remove what came before a day; says how much that is, and asks", _forget)
    away.add_argument("--before", metavar="TIME", required=True, help="this day or time, UTC")
    away.add_argument("--what", choices=[*FORGOTTEN, "all"], default="all", help="all unless told otherwise")
    away.add_argument("--yes", action="store_true", help="without asking")


def _check(config: Config, arguments: argparse.Namespace) -> int:
    from gateway.check import check

    return check(config, print)


def _run(config: Config, arguments: argparse.Namespace) -> int:
    from gateway.daemon import run

    run(config, frozenset(arguments.only or ("ingest", "web", "enrolment")), arguments.metrics)
    return 0


def _init(config: Config, arguments: argparse.Namespace) -> int:
    from gateway import operator

    return operator.init(config, arguments.host, print)


def _enrol(config: Config, arguments: argparse.Namespace) -> int:
    from gateway import operator

    given = arguments
    return operator.enrol(config, given.kiosk, given.site, given.out, (given.enrolment, given.broker), print)


def _revoke(config: Config, arguments: argparse.Namespace) -> int:
    from gateway import operator

    return operator.revoke(config, arguments.kiosk, print)


def _rehearse(_: Config, arguments: argparse.Namespace) -> int:
    from gateway.rehearsal import rehearse

    return rehearse(arguments.words, print)


def _kiosks(config: Config, arguments: argparse.Namespace) -> int:
    from gateway import kiosk_list
    from gateway.fleet_view import Asked

    asked = Asked(arguments.trouble, arguments.site)
    with _opened(config) as store:
        if arguments.kiosk is not None:
            kiosk_list.show_one(store.engine, config.alerts, _now(), arguments.kiosk, arguments.json, print)
        else:
            kiosk_list.show_all(store.engine, config.alerts, _now(), asked, arguments.json, print)
    return 0


def _want(config: Config, arguments: argparse.Namespace) -> int:
    from gateway.wants import Change, want, want_of_all

    pictures = None if arguments.thumbnails is None else arguments.thumbnails == "on"
    change = Change(arguments.daily_kb, arguments.every_min, pictures, arguments.health, arguments.own)
    with _opened(config) as store:
        if arguments.all:
            count = want_of_all(store, change, _now())
            print(f"Wanted of {count} kiosk{'s' * (count != 1)}.")
        else:
            print(f"Wanted of {arguments.kiosk}: {want(store, arguments.kiosk, change, _now()).model_dump_json()}")
    return 0


def _export(config: Config, arguments: argparse.Namespace) -> int:
    from gateway.export import build, write
    from gateway.reports_view import Wanted
    from gateway.span import read_span

    span = read_span(arguments.since, arguments.until)
    wanted = Wanted(arguments.kiosk, span=span, rehearsals=arguments.with_rehearsals)
    with _opened(config) as store:
        count = write(
            store.engine, build(arguments.kind, wanted, arguments.with_farmers), arguments.format, arguments.out
        )
    print(f"{arguments.out}: {count} row{'s' * (count != 1)}.")
    return 0


def _reread(config: Config, arguments: argparse.Namespace) -> int:
    from gateway.reread import reread

    with _opened(config) as store:
        reread(store, config.ingest.aside_messages, print)
    return 0


def _forget(config: Config, arguments: argparse.Namespace) -> int:
    from gateway.forget import forget
    from gateway.span import read_time

    before = read_time("--before", arguments.before)
    with _opened(config) as store:
        forget(store, arguments.what, before, _now(), print, None if arguments.yes else _answer)
    return 0


def _answer(question: str) -> str:
    """Of whoever is at the keyboard; nobody there says nothing."""
    try:
        return input(question)
    except EOFError:
        print()
        return ""


def _opened(config: Config) -> AbstractContextManager[Store]:
    from gateway.store import Store

    return closing(Store.open(config.database_url(), new=False))


def _now() -> int:
    return int(time.time())


def _address(text: str) -> tuple[str, int]:
    """A port of loopback, or a host's."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) < 65_536):
        raise argparse.ArgumentTypeError(f"{text!r} ends in no port from 0 to 65535")
    return host or "127.0.0.1", int(port)


def _log_to_stderr(verbose: bool) -> None:
    """systemd's journal adds time and unit by itself; elsewhere the line says when."""
    under_systemd = "JOURNAL_STREAM" in os.environ
    logging.basicConfig(
        level=logging.INFO if verbose or under_systemd or "run" in sys.argv[1:2] else logging.WARNING,
        format="%(message)s" if under_systemd else "%(asctime)s %(levelname).1s %(message)s",
        stream=sys.stderr,
    )
