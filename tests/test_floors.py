"""Who may import whom. The picture is in docs/overview.md; this test reads the imports and fails on any other edge."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent

FLOOR = {
    "__version__": 0,
    "wire": 0,
    "diagnosis": 1,
    "errors": 1,
    "config": 1,
    "clock": 1,
    "telephone": 1,
    "sms_policy": 1,
    "exchange": 1,
    "rates": 1,
    "period": 1,
    "camera": 2,
    "vision": 2,
    "advice": 2,
    "modem": 2,
    "store": 2,
    "aggregator": 2,
    "sync": 2,
    "judge": 3,
    "kiosk": 3,
    "drain": 3,
    "supervise": 3,
    "visits": 3,
    "thumbnails": 3,
    "conversation": 3,
    "ledger_report": 3,
    "references": 3,
    "web": 3,
    "receipt": 3,
    "balance": 3,
    "routes": 3,
    "sms_lines": 3,
    "modem_lines": 3,
    "control": 3,
    "report": 3,
    "report_lines": 3,
    "parts": 4,
    "sms_reading": 4,
    "wording": 4,
    "sms_part": 4,
    "sync_part": 4,
    "health_report": 4,
    "alarms": 4,
    "status": 4,
    "report_desk": 4,
    "daemon": 5,
    "diagnose": 5,
    "demo": 5,
    "demo_talk": 4,
    "demo_gateway": 4,
    "sms_desk": 5,
    "farmer_desk": 5,
    "modem_desk": 5,
    "sync_desk": 5,
    "simulate": 5,
    "enrol_desk": 4,
    "cli": 6,
    "__main__": 7,
}
"""A room imports lower floors. On floors 1, 3 and 4 also its neighbours; on floor 2 never: back ends do not know each
other. Floor 3 skips floor 2: it takes back ends as arguments."""

OWNER = {
    "ai_edge_litert": {"edge_daemon.vision.classifier"},
    "tflite_runtime": {"edge_daemon.vision.classifier"},
    "PIL": {"edge_daemon.vision.image", "edge_daemon.vision.thumbnail"},
    "numpy": {"edge_daemon.vision"},
    "serial": {"edge_daemon.modem.port"},
    "h11": {"edge_daemon.aggregator.client"},
    "picamera2": {"edge_daemon.camera.picamera2_worker"},
    "libcamera": {"edge_daemon.camera.picamera2_worker"},
    "systemd": {"edge_daemon.supervise"},
    "starlette": {"edge_daemon.web"},
    "uvicorn": {"edge_daemon.web"},
    "phonenumbers": {"edge_daemon.telephone"},
    "cbor2": {"edge_daemon.wire"},
    "paho": {"edge_daemon.sync.link"},
    "cryptography": {"edge_daemon.sync.credentials"},
    "polib": {"edge_daemon.advice.translations", "edge_daemon.advice.template"},
    "tqdm": {"edge_daemon.diagnose"},
    "pydantic": {
        "edge_daemon.config",
        "edge_daemon.wire",
        "edge_daemon.vision.manifest",
        "edge_daemon.modem.profile",
        "edge_daemon.advice.catalogue",
        "edge_daemon.sync.invitation",
    },
}
"""In which module or package of the kiosk each third-party name stands."""

NO_IO = {
    f"edge_daemon.modem.{core}"
    for core in (
        *("alphabet", "at", "clusters", "codes", "deliveries", "fields", "ladder", "network_time", "pdu", "pdu_lines"),
        *("reassembly", "septets", "survey", "typed", "unsolicited"),
    )
} | {"edge_daemon.modem.userdata", "edge_daemon.modem.validity"}
NO_IO |= {
    f"edge_daemon.modem.simulation.{core}"
    for core in (
        *("charsets", "commands_device", "commands_network", "commands_sms", "commands_writing", "encoder", "firmware"),
        *("handsets", "mailbox", "memories", "models", "results", "service_centre", "settings", "sim", "syntax"),
        *("terminal", "text_mode"),
    )
}
IO_NAMES = {"serial", "socket", "asyncio", "os", "io", "select", "threading", "subprocess", "pathlib", "time"}


def modules(package: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def imports(name: str, tree: ast.Module) -> Iterator[str]:
    """Every module that is imported, wherever the import stands; `from a import b` counts as a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module: str) -> str:
    return [*module.split("."), ""][1]


def allowed(importer: str, imported: str) -> bool:
    above, below = FLOOR[importer], FLOOR[imported]
    if importer == imported:
        return True
    if above == 3 and below == 2:
        return False
    return below < above or (below == above and above in {1, 3, 4})


def edges(package: str) -> Iterator[tuple[str, str]]:
    return ((name, imported) for name, tree in modules(package) for imported in imports(name, tree))


def test_every_room_of_the_kiosk_has_a_floor() -> None:
    assert {room(name) for name, _ in modules("edge_daemon")} - {""} <= FLOOR.keys()


def test_the_kiosk_imports_only_down_the_floors() -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, imported in edges("edge_daemon")
        if imported.startswith("edge_daemon.") and room(name) and not allowed(room(name), room(imported))
    ]
    assert wrong == []


def test_each_third_party_name_stands_in_one_room() -> None:
    wrong = []
    for name, imported in edges("edge_daemon"):
        top = imported.split(".")[0]
        if top in sys.stdlib_module_names or top == "edge_daemon":
            continue
        owners = OWNER.get(top, set())
        if not any(name == owner or name.startswith(f"{owner}.") for owner in owners):
            wrong.append(f"{name} imports {imported}")
    assert wrong == []


def test_the_kiosk_imports_nothing_of_gateway_model_or_tests() -> None:
    assert [edge for edge in edges("edge_daemon") if edge[1].split(".")[0] in {"gateway", "model", "tests"}] == []


def test_the_gateway_knows_the_kiosk_by_the_wire_alone() -> None:
    foreign = [edge for edge in edges("gateway") if edge[1].startswith("edge_daemon")]
    assert [edge for edge in foreign if not edge[1].startswith("edge_daemon.wire")] == []


GATEWAY_OWNER = {
    "sqlalchemy": {"gateway"},
    "psycopg": {"gateway.database_trouble", "gateway.bulk"},
    "paho": {"gateway.mqtt"},
    "cryptography": {"gateway.certificates"},
    "fastapi": {"gateway.web", "gateway.enrolment"},
    "starlette": {"gateway.web", "gateway.enrolment"},
    "uvicorn": {"gateway.daemon", "gateway.serve"},
    "prometheus_client": {"gateway.metrics", "gateway.web"},
    "pyarrow": {"gateway.export"},
    "amqtt": {"gateway.rehearsal"},
    "pydantic": {"gateway.config", "gateway.web", "gateway.enrolment", "gateway.desired", "gateway.wants"},
}
"""In which module or package of the gateway each third-party name stands."""


def test_each_third_party_name_of_the_gateway_stands_where_it_belongs() -> None:
    wrong = []
    for name, imported in edges("gateway"):
        top = imported.split(".")[0]
        if top in sys.stdlib_module_names or top in {"gateway", "edge_daemon"}:
            continue
        owners = GATEWAY_OWNER.get(top, set())
        if not any(name == owner or name.startswith(f"{owner}.") for owner in owners):
            wrong.append(f"{name} imports {imported}")
    assert wrong == []


def test_the_modem_s_pure_cores_do_no_io() -> None:
    touched = {(name, imported.split(".")[0]) for name, imported in edges("edge_daemon.modem".replace(".", "/"))}
    assert {(name, top) for name, top in touched if name in NO_IO and top in IO_NAMES} == set()


def test_the_rule_itself_refuses() -> None:
    assert not allowed("camera", "modem")
    assert not allowed("kiosk", "store")
    assert not allowed("wire", "diagnosis")
    assert allowed("daemon", "camera")
