"""After an erasure no byte of the person is left in the store, its write-ahead log, the memory, the logs or the metrics."""

import contextlib
import io

import httpx2
import pytest

import warmstart as ws
from tests.serving.servers import served
from warmstart.serving.http.settings import ServeConfig
from warmstart.serving.live import Live

CANARY = "canary-7f3a9c"


def traces(folder):
    """Return the files that hold the canary."""
    return [file.name for file in folder.iterdir() if file.is_file() and CANARY.encode() in file.read_bytes()]


@pytest.fixture
def told(sqlite_live):
    """A tenant of whom one person has done everything that can be kept."""
    shop = sqlite_live.tenant()
    events = [
        {"user_id": CANARY, "item_id": f"b{item}", "event_id": f"{CANARY} {item}", "context": {"who": CANARY}}
        for item in range(30)
    ]
    shop.record(events, idempotency_key=f"key of {CANARY}")
    shop.record([{"session_id": f"session of {CANARY}", "item_id": "b31"}])
    shop.merge(CANARY, f"session of {CANARY}")
    shop.describe(CANARY, {"name": CANARY, "text": f"I like Western, says {CANARY}."})
    shop.search("western", CANARY)
    shop.taste(CANARY)
    shop.recommend(CANARY, explore="thompson")
    shop.recommend(CANARY)
    for other in range(20):
        shop.record([{"user_id": f"other{other}", "item_id": "b1"}])
    return shop


def test_no_byte_is_left_on_disk_and_nobody_else_is_touched(told, tmp_path):
    assert traces(tmp_path)
    receipt = told.erase(CANARY)
    assert (receipt.events, receipt.profiles) == (31, 2)
    assert receipt.recommendations == 1
    assert traces(tmp_path) == []
    assert len(told.export("other3").events) == 1


def test_no_trace_is_left_in_memory(told):
    told.erase(CANARY)
    profiles = told.live.knowledge.profiles
    assert not [
        key for kept in (profiles._kept, profiles._open, profiles._spoken) for key in kept if CANARY in str(key)
    ]
    assert told.recommend(CANARY).evidence == "prior"


def test_another_process_forgets_as_well(told, tmp_path, model):
    other = Live.open(model, f"sqlite:///{tmp_path}/w.db")
    try:
        service = other.tenant()
        assert service.recommend(CANARY).evidence == "known"
        told.erase(CANARY)
        assert service.recommend("somebody else").evidence == "prior"
        assert not [key for key in other.knowledge.profiles._kept if CANARY in str(key)]
        assert service.recommend(CANARY).evidence == "prior"
    finally:
        other.close()


def test_logs_metrics_and_errors_never_hold_a_person(model_folder, tmp_path):
    config = ServeConfig(model=str(model_folder), store=f"sqlite:///{tmp_path}/w.db")
    lines = io.StringIO()
    both = contextlib.redirect_stdout(lines), contextlib.redirect_stderr(lines)
    with both[0], both[1], served(config) as address, ws.connect(address) as shop:
        shop.record([{"user_id": CANARY, "item_id": "b1", "event_id": CANARY}])
        shop.recommend(CANARY)
        shop.explain(CANARY, "b2")
        shop.export(CANARY)
        for path in (f"/v1/users/{CANARY}/nothing", f"/v1/users/{CANARY}/explanations/nowhere"):
            httpx2.get(f"{address}{path}")
        httpx2.post(f"{address}/v1/events", json={"user_id": CANARY, "value": CANARY})
        metrics = httpx2.get(f"{address}/metrics").text
        shop.erase(CANARY)
    assert "/v1/users/{user_id}" in lines.getvalue()
    assert CANARY not in lines.getvalue()
    assert CANARY not in metrics
