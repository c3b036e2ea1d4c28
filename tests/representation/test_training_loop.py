"""Training goes on from where it broke off, ends with the best weights, and says what is wrong."""

import json
import math

import pytest

from warmstart.core.errors import BadConfig, BadInput
from warmstart.representation.training_loop import CHECKPOINT, LoopConfig, descend

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.llm
TARGETS = (3.0, 5.0)
USUAL = LoopConfig(epochs=10, rate=0.1, every=3, patience=99)


def run(folder=None, config=USUAL, validate=None, broken=None, identity="a"):
    """Train two numbers towards two others; return them, the curve, and how many steps were taken."""
    w, taken = torch.zeros(2, requires_grad=True), []

    def slope(target):
        taken.append(target)
        if broken is not None and len(taken) > broken:
            raise KeyboardInterrupt
        loss = (w - torch.tensor(TARGETS) * target).square().sum()
        loss.backward()
        return float(loss.detach())

    looks = None if validate is None else (lambda: validate(w.detach()))
    curve = descend({"w": w}, slope, lambda _: [1.0] * 4, config, validate=looks, folder=folder, identity=identity)
    return w.detach().tolist(), curve, len(taken)


def test_what_is_broken_off_goes_on_as_if_it_had_not(tmp_path):
    whole, curve, steps = run()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, broken=14)
    found, again, more = run(tmp_path)
    assert found == pytest.approx(whole)
    assert (steps, more) == (40, 40 - 12)
    assert [(look.step, look.loss) for look in again.looks] == [(look.step, look.loss) for look in curve.looks]


def test_what_is_finished_is_not_trained_again(tmp_path):
    found, curve, _ = run(tmp_path)
    again, same, steps = run(tmp_path)
    assert (again, steps, same.looks) == (found, 0, curve.looks)


def test_the_best_weights_are_taken_and_patience_ends():
    def away(w):
        return float(abs(w[0] - 1.0))

    found, curve, steps = run(config=USUAL.model_copy(update={"patience": 2, "every": 1}), validate=away)
    best = min(curve.looks, key=lambda look: look.validation)
    assert (curve.best, curve.ended) == (best.step, "patience")
    assert steps == best.step + 2
    assert abs(found[0] - 1.0) == pytest.approx(best.validation)


def test_weights_that_only_get_worse_stay_as_they_were():
    found, curve, _ = run(validate=lambda w: float(w.abs().sum()))
    assert (found, curve.best) == ([0.0, 0.0], 0)


def test_time_ends_training():
    _, curve, steps = run(config=USUAL.model_copy(update={"seconds": 1e-6}))
    assert (curve.ended, steps) == ("seconds", 1)


def test_a_single_step_moves_and_the_curve_is_plain_json():
    found, curve, _ = run(config=LoopConfig(steps=1, rate=0.1), validate=lambda w: -float(w.abs().sum()))
    assert found != [0.0, 0.0]
    assert json.dumps(curve.document(), allow_nan=False)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    run(tmp_path)
    for other in ({"identity": "b"}, {"config": USUAL.model_copy(update={"rate": 0.2})}):
        with pytest.raises(BadInput, match="other settings or data"):
            run(tmp_path, **other)
    (tmp_path / CHECKPOINT).write_bytes(b"torn")
    with pytest.raises(BadInput, match="Remove it"):
        run(tmp_path)


def test_a_loss_that_is_no_number_is_told():
    w = torch.zeros(1, requires_grad=True)
    with pytest.raises(BadConfig, match="Lower the rate"):
        descend({"w": w}, lambda _: math.nan, lambda _: [1], USUAL)
    with pytest.raises(BadInput, match="nothing to train on"):
        descend({"w": w}, lambda _: 0.0, lambda _: [], USUAL)


def test_tensorboard_reads_loss_rate_and_validation(tmp_path):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = USUAL.model_copy(update={"log": str(tmp_path / "log")})
    found, curve, steps = run(config=log, validate=lambda w: float(abs(w[0] - 3.0)))
    told = reading.EventAccumulator(str(tmp_path / "log" / "training"))
    told.Reload()
    assert [one.step for one in told.Scalars("loss")] == list(range(1, steps + 1))
    assert max(one.value for one in told.Scalars("rate")) <= USUAL.rate * (1 + 1e-6)
    seen = [(one.step, pytest.approx(one.value, rel=1e-5)) for one in told.Scalars("validation")]
    assert seen == [(look.step, look.validation) for look in curve.looks[1:]]
    assert found == run(validate=lambda w: float(abs(w[0] - 3.0)))[0]


@pytest.mark.parametrize("steps", [3, 40])
def test_the_profiler_leaves_a_trace(tmp_path, steps):
    run(config=USUAL.model_copy(update={"steps": steps, "profile": str(tmp_path)}))
    trace = json.loads((tmp_path / "training" / "trace.json").read_text())
    assert any("AdamW" in event["name"] for event in trace["traceEvents"])


def test_who_watches_is_no_part_of_what_is_trained(tmp_path):
    run(tmp_path / "kept")
    _, _, steps = run(tmp_path / "kept", config=USUAL.model_copy(update={"profile": str(tmp_path / "trace")}))
    assert steps == 0
