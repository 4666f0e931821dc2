"""krishi-kiosk: parse, call one function, map named errors to exit codes. A bug keeps its traceback.

Each command imports what it needs when it runs, so that `--help` is quick on a Pi.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from edge_daemon import __version__

if TYPE_CHECKING:
    from edge_daemon.config import Config

EXIT_CODES = """\
exit codes: 0 done; 64 usage; 65 a photo, crop, language or number cannot be used; 69 camera, modem or gateway not
there; 72 model; 73 state folder not writable; 74 disk full or database damaged; 75 busy, try again; 78 configuration
"""


def main() -> NoReturn:
    """Run the command line and exit. Names and codes are those of sysexits.h."""
    arguments = build_parser().parse_args()
    _log_to_stderr(arguments.verbose)
    sys.exit(_named_errors(arguments))


def _named_errors(arguments: argparse.Namespace) -> int:
    from edge_daemon.errors import KrishiError

    try:
        from edge_daemon.config import load

        code: int = arguments.command(load(arguments.config), arguments)
        sys.stdout.flush()  # here, where a reader that has left is expected, not when Python ends
    except KrishiError as why:
        print(f"krishi-kiosk: {why}", file=sys.stderr)
        return why.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


def _run(config: Config, _: argparse.Namespace) -> int:
    from edge_daemon.daemon import run

    run(config)
    return 0


def _diagnose(config: Config, arguments: argparse.Namespace) -> int:
    from edge_daemon.diagnose import Request, diagnose

    if arguments.phone is not None and len(arguments.photos) > 1:
        print("krishi-kiosk diagnose: --phone takes one photo: one leaf, one advice.", file=sys.stderr)
        return 64
    request = Request(
        photos=tuple(arguments.photos),
        crop=arguments.crop,
        language=arguments.language,
        telephone=arguments.phone,
        record=arguments.record,
        as_json=arguments.json,
    )
    return diagnose(config, request)


def _status(config: Config, arguments: argparse.Namespace) -> int:
    import json

    from edge_daemon import receipt, status

    data = status.gather(config)
    print(json.dumps(data, ensure_ascii=False) if arguments.json else receipt.status(data))
    return 0


def _report(config: Config, arguments: argparse.Namespace) -> int:
    import json

    from edge_daemon import report_desk, report_lines

    data = report_desk.gather(config, week=arguments.week, since=arguments.since, until=arguments.until)
    print(json.dumps(data, ensure_ascii=False) if arguments.json else report_lines.text(data))
    return 0


def _pdu(_: Config, arguments: argparse.Namespace) -> int:
    import json

    from edge_daemon.modem import pdu_lines

    work = {"decode": pdu_lines.decode, "encode": pdu_lines.encode}[arguments.what]
    failures = 0
    for line in sys.stdin.buffer:
        if not line.isspace():
            done = work(line)
            failures += isinstance(done, dict) and "error" in done
            sys.stdout.buffer.write(json.dumps(done, ensure_ascii=False).encode() + b"\n")  # JSON is UTF-8 everywhere
            sys.stdout.flush()
    return 65 if failures else 0


def _sms(config: Config, arguments: argparse.Namespace) -> int:
    from edge_daemon import sms_desk

    if getattr(arguments, "text", None) == "-":
        arguments.text = _given(sys.stdin.buffer.read())
    try:
        for line in sms_desk.lines(config, arguments):
            print(line, flush=True)
    except KeyboardInterrupt:
        if arguments.what != "watch":
            raise
    return 0


def _farmer(config: Config, arguments: argparse.Namespace) -> int:
    from edge_daemon import farmer_desk

    if arguments.what == "erase" and not arguments.yes and not sys.stdin.isatty():
        print("krishi-kiosk farmer erase: nobody is here to ask. Give --yes to erase without asking.", file=sys.stderr)
        return 64
    for line in farmer_desk.lines(config, arguments, _confirm):
        print(line)
    return 0


def _confirm(question: str) -> bool:
    """Asks whoever sits at the terminal."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _modem(config: Config, arguments: argparse.Namespace) -> int:
    from edge_daemon import modem_desk

    if getattr(arguments, "command_line", None) == "-":
        arguments.command_line = _given(sys.stdin.buffer.readline())
    shown = modem_desk.ask(config, arguments)
    for line in shown.lines:
        print(line)
    return shown.exit_code


def _given(octets: bytes) -> str:
    """What came on standard input, without the end of its last line. Octets that are not UTF-8 are refused later."""
    return octets.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")


def _sync(config: Config, arguments: argparse.Namespace) -> int:
    from edge_daemon import sync_desk

    for line in sync_desk.lines(config, arguments):
        print(line)
    return 0


def _enrol(config: Config, arguments: argparse.Namespace) -> int:
    from edge_daemon import enrol_desk

    for line in enrol_desk.lines(config, arguments.invitation):
        print(line)
    return 0


def _demo(config: Config, arguments: argparse.Namespace) -> int:
    from edge_daemon.demo import Request, demo
    from edge_daemon.demo_gateway import named_gateway

    request = Request(
        photos=tuple(arguments.photos),
        crop=arguments.crop,
        language=arguments.language,
        phone=arguments.phone,
        gateway=named_gateway(arguments.gateway),
    )
    return demo(config, request)


def _simulate(_: Config, arguments: argparse.Namespace) -> int:
    from edge_daemon import simulate

    options = simulate.Options(
        link=arguments.link,
        model=arguments.model,
        pin=arguments.pin,
        control=arguments.control,
        log=arguments.log,
        as_json=arguments.json,
        numbers=arguments.numbers,
    )
    return simulate.modem(options, _say_unbuffered)


def _say_unbuffered(line: str) -> None:
    """Past Python's buffer, whose lock would keep the program from ending while nobody reads."""
    data = line.encode("utf-8", "replace") + b"\n"
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]


class Parser(argparse.ArgumentParser):
    """argparse with the exit code of sysexits.h for a wrong command line, and the names of its commands."""

    commands: tuple[str, ...] = ()

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(64, f"{self.prog}: {message}\n")


def build_parser() -> Parser:
    """The command line's grammar."""
    common = Parser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", help="kiosk.toml (default: the system's, else built in)")
    common.add_argument("--verbose", "-v", action="store_true", help="also say what each part does")
    parser = Parser("krishi-kiosk", description="Names a leaf's disease offline, texts the farmer what to do.")
    parser.epilog = EXIT_CODES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--version", action="version", version=f"krishi-kiosk {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, summary: str, command: object) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary, parents=[common])
        added.set_defaults(command=command)
        return added

    add("run", "be the kiosk: the daemon, with the visit API on loopback", _run)
    one = add("diagnose", "judge photos; with --phone, also text the advice", _diagnose)
    one.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    one.add_argument("--crop", help="the plant, such as rice or धान (default: not known)")
    one.add_argument("--language", help="of names and advice, such as en or hi (default: the configuration's)")
    one.add_argument("--phone", help="text the advice to this number; records the visit")
    one.add_argument("--record", action="store_true", help="record the visit and its report, as at the kiosk")
    one.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
    now = add("status", "queues, last visit, model, modem, disk", _status)
    now.add_argument("--json", action="store_true", help="one JSON object, for programs")
    told = add("report", "what became of advice: delivered, answered, remembered", _report)
    told.add_argument("--week", action="store_true", help="the last 7 days, with today")
    told.add_argument("--since", metavar="DATE", help="from this day on, such as 2026-11-23 (default: the first)")
    told.add_argument("--until", metavar="DATE", help="before this day (default: up to now)")
    told.add_argument("--json", action="store_true", help="one JSON object, for programs")
    one = add("pdu", "SMS PDUs to what they say, texts to PDUs: JSON lines in, JSON lines out", _pdu)
    one.add_argument("what", choices=["decode", "encode"], help="which way")
    _add_sms(add("sms", "SMS at the kiosk: send, list, show, resend, watch; stop, start, tables", _sms), common)
    _add_farmer(add("farmer", "what the kiosk holds of a telephone number, and its erasure", _farmer), common)
    _add_modem(add("modem", "ask the modem, beside the running kiosk or without it", _modem), common)
    _add_sync(add("sync", "the running kiosk opens its link to the gateway now; or parked reports", _sync))
    known = add("enrol", "make the kiosk known to its gateway, by the gateway's invitation", _enrol)
    known.add_argument("invitation", nargs="?", type=Path, metavar="FILE", help="(default: on the boot partition)")
    show = add("demo", "a visit for each photo, from the camera to the telephone, simulated at both ends", _demo)
    show.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    show.add_argument("--crop")
    show.add_argument("--language", help="default: en, then hi")
    show.add_argument("--phone", default="+919999900001", help="reaches the simulated modem only")
    show.add_argument("--gateway", metavar="URL", help="a rehearsal's broker on loopback, for the reports")
    _add_simulate(add("simulate", "a modem on a port of its own, for a kiosk or another program", _simulate))
    parser.commands = tuple(commands.choices)
    return parser


def _add_sms(parser: argparse.ArgumentParser, common: Parser) -> None:
    """The grammar of `krishi-kiosk sms`."""
    shown = Parser(add_help=False, parents=[common])
    shown.add_argument("--json", action="store_true", help="JSON, an object a line, for programs")
    shown.add_argument("--numbers", action="store_true", help="show telephone numbers whole")
    commands = parser.add_subparsers(metavar="WHAT", dest="what", required=True)

    def add(name: str, summary: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=summary, description=summary, parents=[shown])

    one = add("send", "queue a text; the running kiosk sends it")
    one.add_argument("number", metavar="NUMBER")
    one.add_argument("text", metavar="TEXT", help='"-": what comes in on standard input')
    one.add_argument("--kind", choices=["answer", "reply", "follow_up"], default="answer", help="how urgent it is")
    one.add_argument("--flash", action="store_true", help="the telephone shows it at once and does not keep it")
    some = add("list", "the newest SMS that go out, the newest first")
    which = some.add_mutually_exclusive_group()
    which.add_argument("--state", choices=["waiting", "sending", "sent", "delivered", "parked"], help="only those")
    which.add_argument("--inbound", action="store_true", help="those that came in, instead")
    which.add_argument("--broken", action="store_true", help="PDUs from the network that break the standard, instead")
    some.add_argument("--limit", type=_count, default=20, metavar="N", help="how many (default: 20)")
    for name, summary in (("show", "all of one SMS"), ("resend", "send one again that was parked or has gone")):
        add(name, summary).add_argument("id", type=_count, metavar="SMS", help="its number in the list")
    for name, summary in (
        ("stop", "nothing more goes to this number, and what waits for it is parked"),
        ("start", "this number gets SMS again"),
    ):
        add(name, summary).add_argument("number", metavar="NUMBER")
    one = add("tables", "whether this number gets texts by the national tables of their language")
    one.add_argument("number", metavar="NUMBER")
    one.add_argument("wanted", choices=["on", "off", "kiosk"], help="kiosk: as [sms] national_tables says")
    live = add("watch", "a line for all that becomes of an SMS, as it happens, until Ctrl-C")
    live.add_argument("--limit", type=_count, default=5, metavar="N", help="begin with the last so many (default: 5)")


def _add_farmer(parser: argparse.ArgumentParser, common: Parser) -> None:
    """The grammar of `krishi-kiosk farmer`."""
    shown = Parser(add_help=False, parents=[common])
    shown.add_argument("number", metavar="NUMBER")
    shown.add_argument("--json", action="store_true", help="one JSON object, for programs")
    commands = parser.add_subparsers(metavar="WHAT", dest="what", required=True)
    for name, summary in (
        ("show", "what the kiosk holds of this number; the number itself is masked"),
        ("erase", "remove this number and all that leads back to it; the counts stay"),
    ):
        one = commands.add_parser(name, help=summary, description=summary, parents=[shown])
    one.add_argument("--yes", action="store_true", help="do not ask first")


def _add_sync(parser: argparse.ArgumentParser) -> None:
    """The grammar of `krishi-kiosk sync`."""
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--parked", action="store_true", help="instead, list the reports that were given up, and why")
    instead.add_argument("--again", type=_report_or_all, metavar="ID", help='instead, let one wait anew; "all": each')
    parser.add_argument("--json", action="store_true", help="JSON, an object a line, for programs")


def _add_modem(parser: argparse.ArgumentParser, common: Parser) -> None:
    """The grammar of `krishi-kiosk modem`."""
    shown = Parser(add_help=False, parents=[common])
    shown.add_argument("--json", action="store_true", help="one JSON object, for programs")
    commands = parser.add_subparsers(metavar="WHAT", dest="what", required=True)

    def add(name: str, summary: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=summary, description=summary, parents=[shown])

    add("info", "what the modem tells of itself, its SIM and its network, and what to do")
    one = add("at", "say one AT command; exit code 65 where the modem refuses it")
    one.add_argument("command_line", metavar="COMMAND", help='such as AT+CSQ; "-": read it from standard input')
    one = add("ussd", "dial a USSD code and print what the network says")
    one.add_argument("code", metavar="CODE", help='in quotes: "*123#"')


def _add_simulate(parser: argparse.ArgumentParser) -> None:
    """The grammar of `krishi-kiosk simulate`."""
    parser.add_argument("what", choices=["modem"], help="what is simulated")
    parser.add_argument("--link", type=Path, metavar="PATH", help="a name for the port, as udev gives one")
    parser.add_argument(
        "--model", choices=["simulator", "SIM800", "SIM7600", "EC25"], default="simulator", help="whose habits it has"
    )
    parser.add_argument("--pin", type=_pin, metavar="DIGITS", help="the SIM asks for it (default: it does not)")
    parser.add_argument("--control", type=Path, metavar="PATH", help="a socket that takes what it shall do")
    parser.add_argument("--log", type=Path, metavar="FILE", help="gets a line of JSON for each SMS part that it takes")
    parser.add_argument("--json", action="store_true", help="an object a line, for programs")
    parser.add_argument("--numbers", action="store_true", help="show telephone numbers whole")


def _pin(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and 4 <= len(text) <= 8):
        raise argparse.ArgumentTypeError("a PIN has 4 to 8 digits")
    return text


def _report_or_all(text: str) -> int | str:
    return text if text == "all" else _count(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 7):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 9999999")
    return int(text)


def _log_to_stderr(verbose: bool) -> None:
    """systemd's journal adds time and unit by itself; elsewhere the line says when."""
    under_systemd = "JOURNAL_STREAM" in os.environ
    logging.basicConfig(
        level=logging.INFO if verbose or under_systemd or "run" in sys.argv[1:2] else logging.WARNING,
        format="%(message)s" if under_systemd else "%(asctime)s %(levelname).1s %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
