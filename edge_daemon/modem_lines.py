"""What `krishi-kiosk modem` shows of a modem, and what to do where something is wrong. Pure: values in, text out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edge_daemon.receipt import line, plain, remedies, signal

DOMAINS = {"creg": "calls and SMS", "cgreg": "data", "cereg": "LTE"}
"""What each registration is for."""
SIM = {
    "ready": "ready",
    "sim pin": "it asks for its PIN",
    "sim puk": "it is blocked and asks for its PUK",
    "absent": "there is none",
    "busy": "it is being read",
    "failed": "it failed",
    "wrong": "it is not the one that this modem is locked to",
}
"""Others: "it asks for ..."."""
SIM_ADVICE = {
    "ready": "",
    "sim pin": "Set [modem] sim_pin, or switch the PIN off in a telephone.",
    "sim puk": "Unblock the SIM in a telephone, with the PUK that came with it.",
    "absent": "Insert a SIM, and check that it sits firmly.",
    "busy": "Wait some seconds and ask again.",
    "failed": "Clean the SIM's contacts, or replace it.",
    "wrong": "Use the SIM that came with this modem.",
}
OTHER_SIM_ADVICE = "Put the SIM into a telephone, and do what that asks."
NETWORK_ADVICE = {
    "denied": "The network denies the registration: check the SIM and its plan.",
    "emergency calls only": "The network allows emergency calls only: check the SIM and its plan.",
    "searching": "It still looks for a network: check antenna and coverage if this lasts.",
    "unknown": "There is no coverage: check the antenna.",
    "not searching": "It does not look for a network: check that the SIM is active.",
}
"""The first that is so tells most."""
WEAK_DBM = -103
LOW_MV = 3500
"""SIM800, SIM7600 and EC25 go off or begin anew from about 3.4 V down, at the latest when they send."""


def info(data: Mapping[str, Any]) -> str:
    """A line for each thing that somebody would ask about; most of what the modem does not tell is left out."""
    return plain("\n".join(_lines(data)))


def advice(data: Mapping[str, Any]) -> list[str]:
    """What to do, a sentence for each thing that is wrong; nothing where all is well."""
    return [sentence for sentence in _advice(data) if sentence]


def answer(data: Mapping[str, Any]) -> list[str]:
    """The lines that a command was answered, its result, and what that means where it is not OK."""
    meaning = [f"({data['meaning']})"] if data["meaning"] else []
    return [plain(words) for words in (*data["lines"], data["result"], *meaning)]


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    named = " ".join(data[key] for key in ("maker", "model") if data[key]) or "it does not say which"
    details = [f"{word} {data[key]}" for key, word in (("revision", "revision"), ("imei", "IMEI")) if data[key]]
    yield line("Modem", ", ".join([named, *details]))
    leads = f", which leads to {data['device']}" if data["device"] != data["port"] else ""
    yield line("Port", f"{data['port']}{leads}")
    yield line("Profile", data["profile"] or "not chosen yet")
    yield line("SIM", _sim(data))
    yield line("Network", _network(data))
    yield line("Signal", signal(data["signal_dbm"]))
    optional = {
        "Centre": data["service_centre"] and f"SMS go through {data['service_centre']}",
        "Memory": _memories(data["memories"]),
        "Supply": data["supply_mv"] and f"{data['supply_mv'] / 1000:.2f} V",
        "Time": data["network_time"] and f"{data['network_time'][:19].replace('T', ' ')} UTC by the network",
        "Remedies": remedies(data.get("remedies", {})),
    }
    yield from (line(label, text) for label, text in optional.items() if text)
    yield line("Kiosk", _kiosk(data))
    yield from (line("To do" if number == 0 else "", sentence) for number, sentence in enumerate(advice(data)))


def _sim(data: Mapping[str, Any]) -> str:
    state = data["sim"]
    told = "it does not say" if state is None else SIM.get(state, f"it asks for {state.upper()}")
    return f"{told}, ICCID {data['iccid']}" if data["iccid"] else told


def _network(data: Mapping[str, Any]) -> str:
    states = [f"{data[key]} ({what})" for key, what in DOMAINS.items() if data[key]]
    return ", ".join([data["operator"] or "no operator", *states])


def _memories(memories: Mapping[str, Mapping[str, int]] | None) -> str:
    return ", ".join(f"{name} {places['used']} of {places['total']}" for name, places in (memories or {}).items())


def _kiosk(data: Mapping[str, Any]) -> str:
    if not data["running"]:
        return "it does not run; the modem was asked directly"
    return f"running. {data['trouble']}" if data["trouble"] else "running, and the modem works for it"


def _advice(data: Mapping[str, Any]) -> Iterator[str]:
    if data["sim"] is not None:
        yield SIM_ADVICE.get(data["sim"], OTHER_SIM_ADVICE)
    if data["sim"] in {"ready", None}:
        yield _network_advice({data[key] for key in DOMAINS})
        if data["service_centre"] is None:
            yield "The SIM names no service centre, without which no SMS goes: set [modem] smsc."
    if data["signal_dbm"] is None or data["signal_dbm"] <= WEAK_DBM:
        yield "There is little or no signal: check the antenna and its cable, or move it."
    if data["supply_mv"] is not None and data["supply_mv"] < LOW_MV:
        yield "The supply is low: a stronger one, or a shorter cable."
    for name, places in (data["memories"] or {}).items():
        if places["total"] and places["used"] >= places["total"]:
            yield f"The memory {name} is full: no SMS comes in. A running kiosk empties it, unless its disk is full."


def _network_advice(states: set[str | None]) -> str:
    if any(state is not None and state.startswith(("home", "roaming")) for state in states):
        return ""
    return next((sentence for state, sentence in NETWORK_ADVICE.items() if state in states), "")
