import json
import sys

import numpy as np
import polars as pl
import pytest

from warmstart.core.errors import BadInput, MissingExtra
from warmstart.evaluation.cold_item import ColdItem
from warmstart.evaluation.cold_user import ColdUser
from warmstart.evaluation.curve import caption, lines_of, spread, ticks
from warmstart.evaluation.evaluate import evaluate
from warmstart.evaluation.page import draw_page, draw_svg
from warmstart.evaluation.picture import draw_png
from warmstart.evaluation.report import Report
from warmstart.evaluation.statistics import Measured

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def report(data):
    return evaluate(["random", "popularity", "item_knn"], data, ColdUser(pool=10, shots=(0, 1, 5)))


@pytest.fixture(scope="module")
def one_point(data):
    return evaluate(["random", "popularity", "content"], data, ColdItem(k=5))


def tiny(**means):
    """A report of two users a row, both at the row's mean plus and minus 0.1."""
    values = {}
    for model, curve in means.items():
        for k, mean in enumerate(curve):
            values[model, k, "ndcg@10"] = Measured(np.array([mean - 0.1, mean + 0.1]))
    return Report.of({"protocol": "Toy", "headline": "ndcg@10", "data": {"name": "toys"}}, values)


def test_the_frame_holds_every_point_and_the_means(report):
    frame = report.frame
    assert frame.columns == ["model", "k", "measure", "mean", "low", "high", "n"]
    points = frame.filter(pl.col("k").is_not_null())
    assert len(points) == 3 * 3 * 11
    assert (points.filter(measure="ndcg@10").select(pl.col("low") <= pl.col("high"))).to_series().all()
    average = frame.filter(pl.col("k").is_null(), model="item_knn", measure="ndcg@10")
    assert average["mean"].item() == pytest.approx(report.mean("item_knn"))


def test_the_mean_over_k_leaves_out_k_0(report):
    points = [report.estimates["item_knn", k, "ndcg@10"].mean for k in (1, 5)]
    assert report.mean("item_knn") == pytest.approx(np.mean(points))


def test_best_knows_which_way_is_better():
    curves = {"a": [0.3, 0.3], "b": [0.2, 0.5]}
    assert tiny(**curves).best() == "b"
    assert tiny(**curves).best(k=0) == "a"
    errors = {(*key[:2], "mae"): one for key, one in tiny(**curves).values.items()}
    assert Report.of({"headline": "mae"}, errors).best() == "a"
    with pytest.raises(BadInput, match="Measures: ndcg@10"):
        tiny(**curves).best("auc")


def test_the_table_is_aligned_and_marks_the_best(report):
    table = report.table()
    lines = table.splitlines()
    rows = [line for line in lines if line.startswith(("random", "popularity", "item_knn"))][:3]
    assert len({line.index("[") for line in rows}) == 1
    best = report.best(k=5)
    [row] = [line for line in rows if line.startswith(best)]
    assert f"{report.mean(best, shots=[5]):.4f}*" in row
    assert all(len(line) < 140 for line in lines)


def test_a_single_point_has_its_measures_side_by_side(one_point):
    table = one_point.table()
    assert "recall@5" in table
    assert "among all" in table
    assert "recall@5 among all" not in table


def test_the_text_holds_everything(report):
    text = report.text()
    for measure in report.measures:
        assert measure in text
    assert "Settings" in text
    assert "neighbours" in text
    assert "seeded random order" in text


def test_json_and_back(report):
    again = Report.from_json(report.to_json())
    assert again.frame.equals(report.frame)
    assert again.table() == report.table()
    assert again.settings == report.settings
    with pytest.raises(BadInput, match="values=True"):
        again.compare("item_knn", "random")


def test_json_with_values_can_be_compared(report):
    again = Report.from_json(report.to_json(values=True))
    assert again.compare("item_knn", "random") == report.compare("item_knn", "random")


def test_json_is_strict(report):
    json.loads(report.to_json(values=True), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "other"}', '{"format": "warmstart report 1"}', "null"])
def test_what_is_no_report_is_refused(text):
    with pytest.raises(BadInput, match="(?i)not a report"):
        Report.from_json(text)


def test_a_truncated_report_is_refused(report):
    with pytest.raises(BadInput):
        Report.from_json(report.to_json()[:-20])


def test_comparison_of_a_row_with_itself_is_one(report):
    found = report.compare("item_knn", "item_knn")
    assert (found.ratio.mean, found.ratio.low, found.ratio.high) == (1.0, 1.0, 1.0)
    assert found.difference.mean == 0


def test_comparison_names_unknown_rows(report):
    with pytest.raises(BadInput, match="no row 'itemknn'"):
        report.compare("itemknn", "random")


def test_saving_writes_four_whole_files(report, tmp_path):
    folder = report.save(tmp_path / "deep" / "report")
    assert sorted(path.name for path in folder.iterdir()) == ["curve.html", "curve.png", "report.json", "report.txt"]
    assert Report.from_json((folder / "report.json").read_text()).models == report.models
    report.save(folder)
    assert len(list(folder.iterdir())) == 4


def test_a_folder_that_cannot_be_written_is_refused(report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        report.save(tmp_path / "file" / "report")


def test_without_matplotlib_the_rest_is_written(report, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setattr("warmstart.evaluation.files.find_spec", lambda name: None)
    assert not (report.save(tmp_path) / "curve.png").exists()
    with pytest.raises(MissingExtra, match=r"warmstart\[plot\]"):
        report.save(tmp_path, png=True)


@pytest.mark.parametrize("which", ["report", "one_point"])
def test_pictures_are_drawn(which, request):
    found = request.getfixturevalue(which)
    assert draw_png(found).startswith(PNG)
    page = draw_page(found)
    assert "<svg" in page
    assert "<desc" in page
    assert "prefers-color-scheme: dark" in page
    assert "://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_curve_can_show_another_measure(report):
    assert draw_svg(report, "recall@20") != draw_svg(report)
    assert draw_png(report, "recall@20").startswith(PNG)


def test_names_cannot_break_the_page():
    page = draw_page(tiny(**{'<script>alert("x")</script>': [0.1, 0.2]}))
    assert "<script>" not in page


def test_a_flat_or_missing_curve_can_be_drawn():
    flat = tiny(a=[0.5, 0.5])
    flat.values["a", 0, "ndcg@10"].values[:] = 0.5
    for found in (Report.of(flat.about, flat.values), Report.of({"headline": "ndcg@10"}, {})):
        assert "<svg" in draw_svg(found)
        assert draw_png(found).startswith(PNG)


def test_our_row_is_drawn_last_and_stands_out():
    found = tiny(ours=[0.2, 0.3], theirs=[0.3, 0.4], floor=[0.0, 0.0])
    lines = lines_of(Report.of(dict(found.about) | {"ours": ["ours"]}, found.values))
    assert [line.label for line in lines] == ["floor", "theirs", "ours"]
    assert [line.ours for line in lines] == [False, False, True]
    assert len({line.colour for line in lines}) == 3


def test_rows_tuned_at_each_k_are_drawn_as_the_best_of_all_there():
    found = tiny(**{"ours": [0.9, 0.9], "ease": [0.1, 0.4], "knn": [0.3, 0.2], "knn (tuned)": [0.3, 0.35]})
    marked = Report.of(dict(found.about) | {"ours": ["ours"], "oracles": ["knn (tuned)"]}, found.values)
    lines = {line.label: line for line in lines_of(marked)}
    assert "knn (tuned)" not in lines
    assert lines["best of all at each k"].mean == pytest.approx((0.3, 0.4))
    assert lines["best of all at each k"].dash
    assert not [line for line in lines_of(found) if line.dash]


def test_many_rows_have_no_bars_and_the_caption_knows():
    few, many = (tiny(**{f"row {n}": [0.1, 0.2] for n in range(rows)}) for rows in (2, 9))
    assert {line.interval for line in lines_of(few)} == {"bars"}
    assert {line.interval for line in lines_of(many)} == {"none"}
    assert "as bars" in caption(few)[1]
    assert "interval" not in caption(many)[1]


def test_rows_of_two_reports_on_the_same_tasks_stand_side_by_side(report, data):
    protocol = ColdUser(pool=10, shots=(0, 1, 5))
    both = report.beside(evaluate(["popularity"], data, protocol), " again")
    assert both.models == [*report.models, "popularity again"]
    assert both.compare("popularity again", "popularity").difference.mean == 0
    assert "popularity again" in both.table()
    with pytest.raises(BadInput, match="same tasks"):
        report.beside(evaluate(["popularity"], data, ColdUser(pool=10, shots=(0, 1, 5, 10))), " x")
    with pytest.raises(BadInput, match="another ending"):
        report.beside(report, "")


def test_labels_keep_their_distance_and_their_order():
    rng = np.random.default_rng(0)
    for _ in range(50):
        wanted = rng.uniform(0, 100, rng.integers(1, 12)).tolist()
        found = spread(wanted, gap=7, low=0, high=100)
        assert np.all(np.diff(np.sort(found)) >= 7 - 1e-9)
        assert np.argsort(wanted, kind="stable").tolist() == np.argsort(found, kind="stable").tolist()
        assert min(found) >= -1e-9
        assert max(found) <= 100 + 1e-9


@pytest.mark.parametrize("ends", [(0.0, 1.0), (0.31, 0.32), (0.5, 0.5), (-2.0, 7.0), (0.0, 0.0)])
def test_ticks_enclose_and_are_few(ends):
    found = ticks(*ends)
    assert found[0] <= ends[0] + 1e-9
    assert found[-1] >= ends[1] - 1e-9
    assert 1 <= len(found) <= 12
