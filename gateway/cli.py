"""krishi-gateway: parse, call one function, map named errors to exit codes. A bug keeps its traceback.

Each command imports what it needs when it runs.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

from gateway.config import Config, load
from gateway.errors import GatewayError

EXIT_CODES = """\
exit codes: 0 done; 64 usage; 65 a kiosk, token or request cannot be used; 69 broker or database not there;
74 database or authority cannot be used; 76 nothing arrived in a rehearsal; 78 configuration
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
    show = add("rehearse", "run a command beside a broker and a gateway of its own; say what arrived", _rehearse)
    show.add_argument("words", nargs="+", metavar="-- COMMAND", help="a program and its arguments, after --")
    return parser


def _check(config: Config, arguments: argparse.Namespace) -> int:
    from gateway.check import check

    return check(config, print)


def _run(config: Config, arguments: argparse.Namespace) -> int:
    from gateway.daemon import run

    run(config, frozenset(arguments.only or ("ingest", "web", "enrolment")))
    return 0


def _rehearse(_: Config, arguments: argparse.Namespace) -> int:
    from gateway.rehearsal import rehearse

    return rehearse(arguments.words, print)


def _log_to_stderr(verbose: bool) -> None:
    """systemd's journal adds time and unit by itself; elsewhere the line says when."""
    under_systemd = "JOURNAL_STREAM" in os.environ
    logging.basicConfig(
        level=logging.INFO if verbose or under_systemd or "run" in sys.argv[1:2] else logging.WARNING,
        format="%(message)s" if under_systemd else "%(asctime)s %(levelname).1s %(message)s",
        stream=sys.stderr,
    )
