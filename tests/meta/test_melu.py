"""Laws of MeLU: what answers equals what is trained, values move what is foretold, items that nobody met are read."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

import warmstart as ws
from tests.recommenders.worlds import bare, world
from warmstart.core.artefact import Arrays
from warmstart.core.errors import BadInput
from warmstart.core.histories import Histories
from warmstart.core.run import Run
from warmstart.evaluation.values import PredictsValues
from warmstart.meta.context import UserContext
from warmstart.meta.learners.learner import AdaptedValues, Learner
from warmstart.meta.learners.melu import LAYERS, MeLU, MeLUConfig, squared_error
from warmstart.meta.learners.melu_served import MeLURecommender, reader_of
from warmstart.meta.learners.support import ValuedSupport
from warmstart.meta.learners.task_set import TaskSet
from warmstart.meta.learners.value_tasks import Described, ValueShots, ValueTasks

SMALL = {"dimension": 4, "hidden": 8}


def learner(**settings: Any) -> MeLU:
    return MeLU(MeLUConfig.of(**SMALL | settings))


def tasks(**settings: Any) -> ValueTasks:
    data = world()
    known, reader = UserContext.fit(data), reader_of(data, {})
    assert reader is not None
    return ValueTasks.over(TaskSet.of(data, known), Described.of(reader, data.items), known, **settings)


def moved(one: MeLU, some: ValueTasks) -> Arrays:
    """Return a prior away from its start, where nothing is zero by construction."""
    rng, prior = np.random.default_rng(0), one.start(some, Run())
    for name in (*LAYERS, "content.embeddings", "people.embeddings"):
        prior[name] = prior[name] + (0.2 * rng.standard_normal(prior[name].shape)).astype(np.float32)
    return one.ready(prior, some)


def tensors(prior: Arrays) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(one, requires_grad=one.dtype == np.float32) for name, one in prior.items()}


def support(rows: list[list[int]], values: list[list[float]] | None = None) -> ValuedSupport:
    return ValuedSupport.of(Histories.of(rows, values or [[5.0] * len(row) for row in rows]), 4.0)


def on_torch(shots: Any) -> ValueShots:
    found = shots.to(torch.from_numpy)
    assert isinstance(found, ValueShots)
    return found


def test_it_keeps_the_protocol():
    one, some = learner(), tasks()
    assert isinstance(one, Learner)
    assert isinstance(one.adapt(moved(one, some), support([[1]])), AdaptedValues)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_what_answers_equals_what_is_trained(steps):
    one, some = learner(inner_steps=steps, inner_rate=0.3), tasks(query=3)
    prior, batch = moved(one, some), some.draw(some.usable, np.random.default_rng(1))
    shots = batch.shots
    assert isinstance(shots, ValueShots)
    mean, spread, low, high, _ = prior["facts"]
    trained = one.foretold(tensors(prior), on_torch(shots)).detach().numpy()
    answered = one.descended(prior, shots, shots.weights, shots.values).at(shots.asked_items)
    np.testing.assert_allclose(answered, np.clip(mean + spread * trained, low, high), atol=1e-5)


def test_the_outer_gradient_is_that_of_a_plain_loop():
    one, some = learner(inner_steps=2, inner_rate=0.2), tasks(query=3)
    batch = some.draw(some.usable[:8], np.random.default_rng(2))
    many, single = tensors(moved(one, some)), tensors(moved(one, some))
    query, seen = torch.from_numpy(batch.query), torch.from_numpy(batch.seen)
    loss = one.step(many, on_torch(batch.shots), query, seen)
    losses = [one_task(one, single, on_torch(batch.shots), query, seen, row) for row in range(len(query))]
    looped = torch.stack(losses).mean()
    looped.backward()
    assert loss == pytest.approx(float(looped.detach()), abs=1e-4)
    for name in (*LAYERS, "content.embeddings", "people.embeddings"):
        torch.testing.assert_close(many[name].grad, single[name].grad, atol=1e-4, rtol=1e-3)


def one_task(one: MeLU, prior: Any, shots: ValueShots, query: Any, seen: Any, row: int) -> Any:
    """Adapt to one person by ``torch.autograd.grad``, event by event, and return the loss on what is asked."""
    d = one.config.dimension

    def read(name: str, told: Any) -> Any:
        parts = [told[prior[f"{name}.owners"] == field] for field in range(int(prior[f"{name}.owners"].max()) + 1)]
        tables = [prior[f"{name}.embeddings"][prior[f"{name}.owners"] == field] for field in range(len(parts))]
        found = torch.cat([part @ table for part, table in zip(parts, tables, strict=True)])
        assert found.shape == (d * len(parts),)
        return found

    def output(layers: dict[str, Any], place: Any) -> Any:
        told = torch.cat([read("content", shots.described[place]), read("people", shots.attributes[row])])
        hidden = (told @ layers["w1"] + layers["b1"]).relu()
        return (hidden @ layers["w2"] + layers["b2"]).relu() @ layers["w3"] + layers["b3"]

    mean, spread = prior["facts"][0].detach(), prior["facts"][1].detach()
    layers = {name: prior[name] for name in LAYERS}
    events = torch.nonzero(shots.weights[row])[:, 0]
    for _ in range(one.config.inner_steps):
        gaps = [output(layers, shots.own[row, s]) - (shots.values[row, s] - mean) / spread for s in events]
        loss = (torch.stack(gaps) ** 2).sum() / (len(events) + one.config.shrinkage)
        slopes = torch.autograd.grad(loss, list(layers.values()), create_graph=True)
        layers = {
            name: weight - one.config.inner_rate * slope
            for (name, weight), slope in zip(layers.items(), slopes, strict=True)
        }
    asked = torch.nonzero(~seen[row])[:, 0]
    gaps = [output(layers, shots.asked[row, s]) - (query[row, s] - mean) / spread for s in asked]
    return (torch.stack(gaps) ** 2).mean()


def test_adapting_leaves_the_prior_as_it_is():
    one, some = learner(), tasks()
    prior = moved(one, some)
    before = {key: array.copy() for key, array in prior.items()}
    one.adapt(prior, support([[1, 2], []])).values()
    for key, array in before.items():
        np.testing.assert_array_equal(prior[key], array)


def test_all_at_once_equals_one_after_the_other_in_any_order():
    one, some = learner(), tasks()
    prior, rows = moved(one, some), [[1, 2, 3], [], [4], [0, 5, 6, 7, 8]]
    values = [[5.0, 1.0, 2.0], [], [3.0], [1.0, 2.0, 3.0, 4.0, 5.0]]
    batch = one.adapt(prior, support(rows, values)).values()
    for row, given, found in zip(rows, values, batch, strict=True):
        np.testing.assert_allclose(one.adapt(prior, support([row], [given])).values()[0], found, atol=1e-5)
        turned = one.adapt(prior, support([row[::-1]], [given[::-1]])).values()[0]
        np.testing.assert_allclose(turned, found, atol=1e-5)


def test_many_events_are_multiplied_out_alike(monkeypatch):
    one, some = learner(), tasks()
    adapted = one.adapt(moved(one, some), support([[1, 2, 3, 4, 5]]))
    narrow = adapted.values()
    monkeypatch.setattr("warmstart.meta.learners.melu.WIDE", 2)
    np.testing.assert_allclose(adapted.values(), narrow, atol=1e-5)


def test_what_a_person_gives_moves_what_is_foretold():
    one, some = learner(inner_rate=0.2), tasks()
    prior = moved(one, some)
    events: list[tuple[list[list[int]], list[list[float]]]]
    events = [([[]], [[]]), ([[1, 2]], [[5.0, 5.0]]), ([[1, 2]], [[1.0, 1.0]])]
    nothing, glad, sad = (one.adapt(prior, support(rows, values)).scores().mean() for rows, values in events)
    assert sad < nothing < glad


def test_the_outer_loop_lowers_its_loss():
    one, some = learner(epochs=20, learning_rate=0.02, batch=16), tasks(query=2)
    batch = some.draw(np.tile(some.usable, 20), np.random.default_rng(5))
    begun, ended = (
        squared_error(one, prior, batch) for prior in (one.ready(one.start(some, Run()), some), one.fit(some))
    )
    assert ended[0] / ended[1] < begun[0] / begun[1] - 0.1


class TestTheTasks:
    def test_nothing_is_asked_that_was_revealed(self):
        batch = tasks(query=3).draw(np.arange(40), np.random.default_rng(0))
        shots = batch.shots
        assert isinstance(shots, ValueShots)
        for row in range(40):
            shown = set(shots.items[row][shots.weights[row] > 0].tolist())
            assert shown
            assert not shown & set(shots.asked_items[row][~batch.seen[row]].tolist())

    def test_values_are_those_of_the_data(self):
        data = world()
        batch = tasks(query=3).draw(np.arange(40), np.random.default_rng(0))
        given = data.histories.matrix(data.n_items).toarray()
        shots = batch.shots
        assert isinstance(shots, ValueShots)
        np.testing.assert_array_equal(
            given[np.nonzero(~batch.seen)[0], shots.asked_items[~batch.seen]], batch.query[~batch.seen]
        )
        at = shots.weights > 0
        np.testing.assert_array_equal(given[np.nonzero(at)[0], shots.items[at]], shots.values[at])

    def test_all_but_the_query_is_revealed_where_asked_for(self):
        some = tasks(query=2, few=False)
        batch = some.draw(some.usable, np.random.default_rng(0))
        np.testing.assert_array_equal(batch.shots.weights.sum(1), some.events.lengths[some.usable] - 2)

    def test_likes_alone_are_held_against_what_was_not_met(self):
        some = ValueTasks.over(TaskSet.of(bare([[0, 1, 2], [1, 2, 3], [4, 5, 6]], 12)))
        batch = some.draw(some.usable, np.random.default_rng(0))
        shots = batch.shots
        assert isinstance(shots, ValueShots)
        assert set(batch.query[~batch.seen].tolist()) == {0.0, 1.0}
        assert set(shots.values[shots.weights > 0].tolist()) == {1.0}

    def test_levels_of_one_attribute_share_its_weight(self):
        some = tasks()
        for field in np.unique(some.items.owners):
            sums = np.asarray(some.items.rows[:, some.items.owners == field].sum(axis=1)).ravel()
            np.testing.assert_allclose(sums, 1, atol=1e-6)


class TestServed:
    def test_it_foretells_values(self):
        data = world()
        model = ws.recommender("melu", epochs=2, **SMALL).fit(data)
        assert isinstance(model, PredictsValues)
        values = model.predict_values(data.histories, data.users)
        assert values.shape == (data.n_users, data.n_items)
        assert 1 <= values.min() < values.max() <= 5

    def test_values_are_not_made_up(self, tmp_path):
        model = ws.recommender("melu", epochs=1, **SMALL).fit(bare([[0, 1, 2], [1, 2, 3]] * 5, 6))
        assert isinstance(model, MeLURecommender)
        for one in (model, MeLURecommender.load(model.save(tmp_path / "model"))):
            with pytest.raises(BadInput, match="trained without values"):
                one.predict_values(Histories.of([[0]]))

    def test_an_item_that_nobody_met_is_foretold_like_its_twin(self):
        data = world()
        model = ws.recommender("melu", epochs=2, **SMALL).fit(data)
        assert isinstance(model, MeLURecommender)
        longer = model.with_items({"item_id": [1000], "title": ["Comedy"], "genres": ["Comedy|Romance"]})
        values = longer.predict_values(data.histories)
        np.testing.assert_allclose(values[:, -1], values[:, 0], atol=1e-6)
        np.testing.assert_allclose(values[:, :-1], model.predict_values(data.histories), atol=1e-6)

    def test_answering_needs_no_torch(self, tmp_path):
        ws.recommender("melu", epochs=1, **SMALL).fit(world()).save(tmp_path / "model")
        told = (
            "import sys, warmstart as ws\n"
            f"model = ws.load({str(tmp_path / 'model')!r})\n"
            "model.recommend([4], k=3), model.with_items({'item_id': [99], 'genres': ['Horror']})\n"
            "print('torch' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "False"

    def test_texts_are_read_only_where_there_is_nothing_else(self):
        data = world()
        reader = reader_of(data, {"genres": "ignore"})
        assert reader is not None
        assert reader.kinds == {"title": "text"}
        assert reader_of(bare([[0]], 1), {}) is None
