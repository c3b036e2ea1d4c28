"""A model folder is written whole or not at all, read back exactly, and refused with a reason otherwise."""

import json
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import sparse

from warmstart.core.artefact import array_of, pack_csr, read_artefact, unpack_csr, write_artefact
from warmstart.core.errors import BadInput, BadModelFile
from warmstart.core.seal import ABOUT, TENSORS, VERSION, sha256_of

HEADER = {"name": "test", "ids": [1, "b", "\u05d0\U0001f600"], "share": 0.1}
TABLE = {"weights": np.arange(6, dtype=np.float32).reshape(2, 3)}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_artefact(tmp_path / "model", HEADER, TABLE)


def rewrite(model: Path, **changes: object) -> None:
    about = json.loads((model / ABOUT).read_text(encoding="utf-8"))
    (model / ABOUT).write_text(json.dumps(about | changes), encoding="utf-8")


def with_tensors(model: Path, content: bytes) -> None:
    """Put other tensors in and make the checksum right, as a forger would."""
    (model / TENSORS).write_bytes(content)
    rewrite(model, tensors_sha256=sha256_of(model / TENSORS))


def safetensors(header: dict[str, object], body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def test_what_was_written_is_read(model):
    header, found = read_artefact(model)
    assert header == HEADER
    np.testing.assert_array_equal(found["weights"], TABLE["weights"])


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5).filter(lambda name: name != "__metadata__"),
        st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.bool_]).flatmap(
            lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
        ),
        max_size=3,
    )
)
def test_any_numeric_arrays_survive(tmp_path_factory, tables):
    path = write_artefact(tmp_path_factory.mktemp("any") / "model", {}, tables)
    _, found = read_artefact(path)
    assert found.keys() == tables.keys()
    for name, table in tables.items():
        assert found[name].dtype == table.dtype
        np.testing.assert_array_equal(found[name], table)


def test_arrays_in_any_order_of_memory_survive(tmp_path):
    tables = {"turned": TABLE["weights"].T, "strided": np.arange(10.0)[::3], "big": np.arange(3, dtype=">i4")}
    _, found = read_artefact(write_artefact(tmp_path / "model", {}, tables))
    for name, table in tables.items():
        np.testing.assert_array_equal(found[name], table)


def test_arrays_come_back_read_only(model):
    _, found = read_artefact(model)
    with pytest.raises(ValueError, match="read-only"):
        found["weights"][0, 0] = 1


def test_numpy_numbers_in_the_header_become_plain(tmp_path):
    header = {"n": np.int64(3), "share": np.float32(0.5), "row": np.arange(2)}
    found, _ = read_artefact(write_artefact(tmp_path / "model", header, {}))
    assert found == {"n": 3, "share": 0.5, "row": [0, 1]}


@pytest.mark.parametrize("header", [{"share": float("nan")}, {"thing": object()}])
def test_what_json_cannot_hold_leaves_nothing_behind(tmp_path, header):
    with pytest.raises((TypeError, ValueError)):
        write_artefact(tmp_path / "model", header, TABLE)
    assert list(tmp_path.iterdir()) == []


def test_missing_parents_are_made(tmp_path):
    assert read_artefact(write_artefact(tmp_path / "a" / "b", HEADER, TABLE))[0] == HEADER


def test_an_older_model_is_replaced_and_nothing_else_is_left(model):
    write_artefact(model, {"name": "newer"}, {})
    assert read_artefact(model) == ({"name": "newer"}, {})
    assert [entry.name for entry in model.parent.iterdir()] == ["model"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "model").mkdir()
    assert read_artefact(write_artefact(tmp_path / "model", HEADER, TABLE))[0] == HEADER


def test_a_link_to_a_model_stays_a_link(model, tmp_path):
    link = tmp_path / "current"
    link.symlink_to(model)
    write_artefact(link, {"name": "newer"}, {})
    assert link.is_symlink()
    assert read_artefact(model)[0] == {"name": "newer"}


@pytest.mark.parametrize("names", [("notes.txt",), (ABOUT,), (ABOUT, TENSORS, "notes.txt")])
def test_a_folder_that_is_something_else_is_never_replaced(tmp_path, names):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("mine", encoding="utf-8")
    with pytest.raises(BadInput, match="is no Warmstart model"):
        write_artefact(folder, HEADER, TABLE)
    assert {entry.read_text(encoding="utf-8") for entry in folder.iterdir()} == {"mine"}


def test_a_model_with_a_guest_file_is_not_replaced(model):
    (model / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(BadInput, match="not replaced"):
        write_artefact(model, {}, {})
    assert read_artefact(model)[0] == HEADER


def test_a_file_in_the_way_is_not_replaced(tmp_path):
    (tmp_path / "model").write_text("mine", encoding="utf-8")
    with pytest.raises(BadInput, match="not replaced"):
        write_artefact(tmp_path / "model", {}, {})


def test_a_parent_that_is_a_file_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match="cannot be written"):
        write_artefact(tmp_path / "file" / "model", {}, {})


def test_a_folder_without_permission_is_an_input_error(tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(BadInput, match="Permission denied"):
        write_artefact(tmp_path / "model", {}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_moving_keeps_the_older_model(model, monkeypatch):
    rename = Path.rename

    def fail(self, target):
        if self.suffix == ".new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(BadInput, match="No space left"):
        write_artefact(model, {"name": "newer"}, {})
    assert read_artefact(model)[0] == HEADER
    assert [entry.name for entry in model.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("content", [b"", b"{", b"\x80\x04K\x01.", b"\xff\xfe", b"[" * 200_000, b"[]", b"null", b"{}"])
def test_a_description_that_is_not_ours_is_refused(model, content):
    (model / ABOUT).write_bytes(content)
    with pytest.raises(BadModelFile):
        read_artefact(model)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": "other model"}, "not written by Warmstart"),
        ({"version": VERSION + 1}, "Update Warmstart"),
        ({"version": "1"}, "incomplete or was changed"),
        ({"version": 0}, "incomplete or was changed"),
        ({"header": {"name": "forged"}}, "incomplete or was changed"),
        ({"header": None}, "incomplete or was changed"),
        ({"tensors_sha256": None}, "incomplete or was changed"),
        ({"tensors_sha256": "0" * 64}, "truncated or was changed"),
    ],
)
def test_a_changed_description_is_refused(model, changes, says):
    rewrite(model, **changes)
    with pytest.raises(BadModelFile, match=says):
        read_artefact(model)


def test_what_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for path in (tmp_path / "absent", tmp_path / "file"):
        with pytest.raises(BadModelFile, match="not a folder"):
            read_artefact(path)
    with pytest.raises(BadModelFile, match=r"has no model\.json"):
        read_artefact(tmp_path)


def test_missing_and_truncated_tensors_are_refused(model):
    whole = (model / TENSORS).read_bytes()
    (model / TENSORS).write_bytes(whole[:-1])
    with pytest.raises(BadModelFile, match="truncated"):
        read_artefact(model)
    (model / TENSORS).unlink()
    with pytest.raises(BadModelFile, match=r"has no arrays\.safetensors"):
        read_artefact(model)


class Trap:
    def __reduce__(self):
        return os.abort, ()


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Trap()),
        b"",
        b"\xff" * 8,
        struct.pack("<Q", 2**62),
        safetensors({"x": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}, b"\0" * 4),
        safetensors({"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"\0" * 4),
        safetensors({"x": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}, b"\0" * 4),
        safetensors({"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}, b"\0" * 4),
        safetensors({"x": {"dtype": "O", "shape": [1], "data_offsets": [0, 8]}}, b"\0" * 8),
    ],
    ids=["pickle", "empty", "noise", "endless", "absurd", "negative", "short", "half", "objects"],
)
def test_tensors_that_are_none_are_refused_even_with_a_right_checksum(model, content):
    with_tensors(model, content)
    with pytest.raises(BadModelFile, match="does not hold tensors"):
        read_artefact(model)


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0, 2.5]), min_size=4, max_size=4), min_size=1, max_size=5))
def test_sparse_matrices_survive(rows):
    matrix = sparse.csr_matrix(np.array(rows, dtype=np.float32))
    found = unpack_csr(pack_csr("x", matrix), "x", matrix.shape)
    np.testing.assert_array_equal(found.toarray(), matrix.toarray())


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("indices", [0, 9]),
        ("indices", [-1, 0]),
        ("indptr", [0, 3, 2]),
        ("indptr", [1, 1, 2]),
        ("indptr", [0, 1, 7]),
        ("indptr", [0, 2]),
    ],
)
def test_a_sparse_matrix_that_points_outside_is_refused(part, values):
    stored = pack_csr("x", sparse.csr_matrix(np.eye(2)))
    stored[f"x.{part}"] = np.array(values)
    with pytest.raises(BadModelFile):
        unpack_csr(stored, "x", (2, 2))


def test_an_array_of_another_shape_or_type_is_refused():
    for shape, kind in [((3, 2), "f"), ((2,), "f"), ((2, 3, 1), "f"), ((2, 3), "i")]:
        with pytest.raises(BadModelFile, match="does not fit"):
            array_of(TABLE, "weights", shape, kind)
    with pytest.raises(BadModelFile, match="lacks"):
        array_of(TABLE, "absent", ())
    assert array_of(TABLE, "weights", (None, 3)) is TABLE["weights"]
