"""What a body's compression has seen before it begins (RFC 1951, as zlib's preset dictionary): what bodies often have.

Its bytes are part of version 1 of the contract: whoever changes one of them reads no batch of anybody else's.
"""

from __future__ import annotations

from edge_daemon.wire import cbor
from edge_daemon.wire.columns import KNOWN

_WORDS = [
    *(word for word in KNOWN if "/" in word),
    *("outbreak", "disk_low", "modem_sick", "clock_unsure", "camera_gone", "modem_mute", "modem_gone", "sim_trouble"),
    *("not_a_leaf", "wrong_crop", "first_aid", "not_sure", "two_candidates", "ask_recall", "ask_reason", "help"),
    *("bn", "en", "kn", "mr", "ta", "te", "hi", "answer"),
]
_QUESTION = [3, 311, bytes(8), bytes(16), 17, 18, 20, False, 13, 432_000, 259_000, 172_000, 1, 3, 2, 2, False]
_ADVICE = [1, 1207, bytes(8), bytes(16), 16, 18, 19, False, 9, 432_000, 431_960, 431_945, 2, 0, 0, None, False]
_LEDGER = {1: [[2, {3: 1_795_432_100, 4: ["rice/blast", "answer", "hi"], 5: [_QUESTION, _ADVICE, _ADVICE]}]]}
_ALARM = [4, {3: 1_795_432_100, 4: True, 5: "outbreak", 6: "rice/blast", 7: 5, 8: 7, 9: False}]
_PARTS = [["aggregator", "ok"], ["updates", "ok"], ["sync", "ok"], ["talk", "ok"], ["sms", "ok"]]
_STATE = {3: 1_795_432_100, 4: True, 5: 12, 6: 86_400, 7: "0.1.0", 8: "lite0-tuned-3", 9: "1", 10: "village:400000"}
_FIGURES = {11: False, 12: 20_000, 13: 800, 14: 0, 15: None, 16: 0, 17: 0, 18: 0, 19: _PARTS, 20: 0, 21: 100_000}
_RUNS = [bytes([byte]) * 40 for byte in (3, 1, 74, 9, 5)]
_DIAGNOSES = {0: [["lite0-tuned-3"], [1_795_432_100 >> 8], b"\x05\x14\x01\x4a\x09\x03"]}

_PARTS_OF_IT = (_WORDS, _LEDGER, {1: [_ALARM]}, {1: [[3, {**_STATE, **_FIGURES}]]}, *_RUNS, _DIAGNOSES)
DICTIONARY = b"".join(map(cbor.dumps, _PARTS_OF_IT))
