"""Importers: the published tables read by another library, and files broken on purpose."""

import importlib.util
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from neurontology.bridge.activations import Activations
from neurontology.bridge.importers import import_activations
from neurontology.ontology.errors import DataError, MissingDependencyError, UsageError

HEADER = "0,1,2,Class_names,Filenames\n"
ROWS = "1,0,2.5,park,1_park.jpeg\n0,3e-2,1,river and bank,2_river.jpeg\n"
FOOTER = ",,,,\n50.0,12.5,100,,\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "neuron_1.csv"
    path.parent.mkdir()
    path.write_text(HEADER + ROWS)
    return path


def test_published_table_by_hand(table, tmp_path):
    table.write_text(HEADER + ROWS + FOOTER)
    made = import_activations(table, tmp_path / "acts", model="resnet50v2", layer="dense")
    np.testing.assert_array_equal(made.values, np.array([[1, 0, 2.5], [0, 0.03, 1]], dtype=np.float32))
    assert [(one.id, one.path, one.label) for one in made.images] == [
        ("1_park", "1_park.jpeg", "park"),
        ("2_river", "2_river.jpeg", "river and bank"),
    ]
    assert (made.meta.model, made.meta.layer, made.meta.weights_sha256) == ("resnet50v2", "dense", None)
    assert [one["name"] for one in made.meta.sources] == ["neuron_1.csv"]
    assert sorted(one.split for one in made.images) == ["holdout", "induction"]
    assert import_activations(table, made.path, model="resnet50v2", layer="dense").meta == made.meta
    with pytest.raises(UsageError, match="output exists"):
        import_activations(table, made.path, model="resnet50v2", layer="dense", seed=1)


@pytest.mark.parametrize(("part", "images"), [("verification", 1008), ("evaluation", 3977)])
def test_published_folders(shared_data, tmp_path, part, images):
    folder = shared_data / "resnet50v2-neurons" / "google-images" / part
    made = import_activations(folder, tmp_path / "acts")
    frames = [pd.read_csv(path).dropna(subset=["Filenames"]) for path in sorted(folder.glob("*.csv"))]
    expected = pd.concat(frames, ignore_index=True)
    assert len(expected) == images
    units = [str(number) for number in range(64)]
    np.testing.assert_array_equal(made.values, expected[units].to_numpy().astype(np.float32))
    assert [one.path for one in made.images] == list(expected["Filenames"])
    assert [one.label for one in made.images] == list(expected["Class_names"])
    assert len(made.meta.sources) == 32


def test_columns_in_any_order_and_case(tmp_path):
    (tmp_path / "t.csv").write_text(
        "note,2,path,0,CLASS,1\nx,12,a/b/one.jpg,10,park,11\ny,22,C:\\d\\two.x.png,20,,21\n"
    )
    made = import_activations(tmp_path / "t.csv", tmp_path / "acts")
    np.testing.assert_array_equal(made.values, [[10, 11, 12], [20, 21, 22]])
    assert [(one.id, one.label) for one in made.images] == [("one", "park"), ("two.x", None)]


def test_ids_are_taken_as_they_are(tmp_path):
    (tmp_path / "t.csv").write_text("0,id,path\n1,img.0001,a.jpg\n2,img.0002,b.jpg\n")
    made = import_activations(tmp_path / "t.csv", tmp_path / "acts")
    assert [(one.id, one.path) for one in made.images] == [("img.0001", "a.jpg"), ("img.0002", "b.jpg")]


BROKEN = {
    "ragged": (HEADER + "1,0,2,park,a.jpg\n1,0,park,b.jpg\n", r"neuron_1\.csv:3: 4 fields; expected 5"),
    "text": (HEADER + "1,much,2,park,a.jpg\n", r"neuron_1\.csv:2: column 1 holds 'much'"),
    "empty cell": (HEADER + "1,0,,park,a.jpg\n", r"neuron_1\.csv:2: column 2 holds ''"),
    "nan": (HEADER + ROWS + "1,0,nan,park,a.jpg\n", r"neuron_1\.csv:4: column 2 holds 'nan'"),
    "infinite": (HEADER + "1,-inf,2,park,a.jpg\n", r"neuron_1\.csv:2: column 1 holds '-inf'"),
    "beyond float32": (HEADER + "1e39,0,2,park,a.jpg\n", r"neuron_1\.csv:2: column 0 holds '1e39'"),
    "duplicate": (
        HEADER + ROWS + "1,0,2.5,park,1_park.jpeg\n",
        r"neuron_1\.csv:4: .*'1_park' occurs twice.*:2",
    ),
    "same stem": (HEADER + ROWS + "1,0,2.5,park,1_park.png\n", r"neuron_1\.csv:4: .*'1_park' occurs twice"),
    "no name": (HEADER + "1,0,2,park,\n", r"neuron_1\.csv:2: .*does not say which image"),
    "footer inside": (HEADER + FOOTER + ROWS, r"neuron_1\.csv:2: .*names no image, though images follow"),
    "gap": ("0,2,Filenames\n1,2,a.jpg\n", r"neuron_1\.csv:1: unit columns \[0, 2\] … 2"),
    "twice": ("0,0,Filenames\n1,2,a.jpg\n", r"neuron_1\.csv:1: unit 0 has two columns"),
    "no units": ("Class_names,Filenames\npark,a.jpg\n", "no columns named by numbers"),
    "no images": ("0,1,Class_names\n1,2,park\n", "no column says which image"),
    "empty": ("", "the file is empty"),
    "header only": (HEADER, "there are no activations"),
    "quote": (HEADER + '1,0,2,"park,a.jpg\n', r"neuron_1\.csv:\d+: broken table"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_tables(table, tmp_path, case):
    text, message = BROKEN[case]
    table.write_text(text)
    with pytest.raises(DataError, match=message):
        import_activations(table, tmp_path / "acts")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_images_that_several_files_hold(table, tmp_path, caplog):
    other = table.parent / "neuron_2.csv"
    other.write_text(HEADER + "9,9,9,road,3_road.jpeg\n" + ROWS)
    with caplog.at_level(logging.WARNING):
        made = import_activations(table.parent, tmp_path / "acts")
    assert made.ids == ("1_park", "2_river", "3_road")
    assert "'1_park' is the same" in caplog.text
    other.write_text(HEADER + "9,9,9,park,1_park.jpeg\n")
    with pytest.raises(DataError, match=r"neuron_2\.csv:2: another image '1_park' is at .*neuron_1\.csv:2"):
        import_activations(table.parent, tmp_path / "more")
    other.write_text("0,1,Filenames\n9,9,x.jpeg\n")
    with pytest.raises(DataError, match=r"neuron_2\.csv:2: 2 units; expected 3"):
        import_activations(table.parent, tmp_path / "more")


def test_array_with_the_table_beside_it(tmp_path):
    matrix = np.random.default_rng(0).normal(size=(2500, 3))
    np.save(tmp_path / "acts.npy", matrix)
    lines = "".join(f"{number},im{number},class {number % 2}\n" for number in range(2500))
    (tmp_path / "images.csv").write_text("row,id,class\n" + lines)
    made = import_activations(tmp_path / "acts.npy", tmp_path / "out")
    np.testing.assert_array_equal(made.values, matrix.astype(np.float32))
    assert (made.images[2001].id, made.images[2001].label) == ("im2001", "class 1")
    assert made.meta.signed
    assert [one["name"] for one in made.meta.sources] == ["acts.npy", "images.csv"]
    (tmp_path / "images.csv").write_text("row,id\n0,im0\n")
    with pytest.raises(DataError, match="2500 rows of values and 1 ids"):
        import_activations(tmp_path / "acts.npy", tmp_path / "other")


def test_array_alone_is_numbered(tmp_path):
    np.save(tmp_path / "acts.npy", np.arange(6, dtype=np.uint8).reshape(3, 2))
    made = import_activations(tmp_path / "acts.npy", tmp_path / "out")
    assert made.ids == ("0", "1", "2")
    np.testing.assert_array_equal(made.values, [[0, 1], [2, 3], [4, 5]])


def test_exported_directory_can_be_imported_again(table, tmp_path):
    first = import_activations(table, tmp_path / "first")
    again = import_activations(first.path / "activations.npy", tmp_path / "again")
    assert again.images == first.images
    np.testing.assert_array_equal(again.values, first.values)
    with pytest.raises(UsageError, match="an activation directory already"):
        import_activations(first.path, tmp_path / "third")


@pytest.mark.parametrize(
    ("arrays", "ids", "labels"),
    [
        ({"activations": 0, "ids": ["a", "b.c"], "classes": ["x", ""]}, ("a", "b.c"), ["x", None]),
        ({"features": 0, "filenames": [b"d/a.jpg", b"b.jpg"]}, ("a", "b"), [None, None]),
        ({"activations": 0, "other": 1, "ids": [7, 9]}, ("7", "9"), [None, None]),
        ({"activations": 0}, ("0", "1"), [None, None]),
    ],
)
def test_archives(tmp_path, arrays, ids, labels):
    matrix = np.array([[1.5, -2], [0, 4]])
    content = {name: matrix + value if isinstance(value, int) else np.array(value) for name, value in arrays.items()}
    np.savez(tmp_path / "acts.npz", **content)
    made = import_activations(tmp_path / "acts.npz", tmp_path / "out")
    np.testing.assert_array_equal(made.values, matrix)
    assert made.ids == ids
    assert [one.label for one in made.images] == labels


def test_arrays_of_other_names_are_told(tmp_path, caplog):
    content = {"activations": np.ones((2, 2)), "names": np.array(["a", "b"]), "mean": np.zeros(2)}
    np.savez(tmp_path / "acts.npz", **content, ids=np.array(["p", "q"]))
    with caplog.at_level(logging.WARNING):
        assert import_activations(tmp_path / "acts.npz", tmp_path / "out").ids == ("p", "q")
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'acts.npz'}: arrays without effect: names, mean"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\).*(?i:reduce over space)"),
        (np.zeros(3), r"shape \(3,\)"),
        (np.array([["a", "b"]]), "matrix of real numbers"),
        (np.array([[1, None]]), "no Python objects"),
        (np.array([[1.0, 2.0], [np.nan, 0.0]]), "row 1: unit 0 is nan for image 1"),
        (np.array([[1.0, 1e300]]), "row 0: unit 1 is inf for image 0"),
        (np.zeros((0, 4)), "there are no activations"),
        (np.zeros((4, 0)), "matrix of real numbers"),
    ],
)
def test_broken_arrays(tmp_path, content, message):
    np.save(tmp_path / "acts.npy", content, allow_pickle=True)
    with pytest.raises(DataError, match=message):
        import_activations(tmp_path / "acts.npy", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros((2, 2)), "b": np.zeros((2, 2))}, "arrays a, b; expected a matrix called activations"),
        ({"activations": np.zeros((2, 2)), "ids": np.array(["a"])}, "2 rows of values and 1 ids"),
        ({"activations": np.zeros((2, 2)), "ids": np.array(["a", "a"])}, "'a' occurs twice"),
        ({"activations": np.zeros((2, 2)), "ids": np.array([{}, {}])}, "no Python objects"),
        ({"activations": np.zeros((2, 2)), "ids": np.zeros((2, 2, 1))}, "ids or classes have shape"),
    ],
)
def test_broken_archives(tmp_path, arrays, message):
    np.savez(tmp_path / "acts.npz", **arrays)
    with pytest.raises(DataError, match=message):
        import_activations(tmp_path / "acts.npz", tmp_path / "out")


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_files_that_are_cut_or_misnamed(tmp_path, suffix):
    path = tmp_path / f"acts.{suffix}"
    if suffix == "npy":
        np.save(path, np.zeros((20, 20)))
    else:
        np.savez(path, activations=np.zeros((20, 20)))
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(DataError, match="not a NumPy file"):
        import_activations(path, tmp_path / "out")
    with path.open("wb") as stream:
        if suffix == "npy":
            np.savez(stream, activations=np.zeros((2, 2)))
        else:
            np.save(stream, np.zeros((2, 2)))
    with pytest.raises(DataError, match=r"(?i)name it"):
        import_activations(path, tmp_path / "out")


def test_parquet_needs_pyarrow(tmp_path):
    if importlib.util.find_spec("pyarrow") is not None:
        pytest.skip("pyarrow is installed")
    (tmp_path / "acts.parquet").write_bytes(b"PAR1")
    with pytest.raises(MissingDependencyError, match=r"pyarrow.*(?i:install it with pip install pyarrow)"):
        import_activations(tmp_path / "acts.parquet", tmp_path / "out")


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(3000, 4)), columns=[str(n) for n in range(4)])
    frame["Filenames"] = [f"im{number}.jpg" for number in range(3000)]
    frame["Class_names"] = ["park", None, "road"] * 1000
    frame.to_parquet(tmp_path / "acts.parquet")
    made = import_activations(tmp_path / "acts.parquet", tmp_path / "out")
    np.testing.assert_array_equal(made.values, frame[["0", "1", "2", "3"]].to_numpy().astype(np.float32))
    assert [one.label for one in made.images[:3]] == ["park", None, "road"]
    frame.loc[1500, "2"] = np.nan
    frame.to_parquet(tmp_path / "acts.parquet")
    with pytest.raises(DataError, match="row 1500: unit 2 is nan for image im1500"):
        import_activations(tmp_path / "acts.parquet", tmp_path / "other")
    frame["2"] = "text"
    frame.to_parquet(tmp_path / "acts.parquet")
    with pytest.raises(DataError, match="column 2 has type"):
        import_activations(tmp_path / "acts.parquet", tmp_path / "other")
    (tmp_path / "acts.parquet").write_bytes((tmp_path / "acts.parquet").read_bytes()[:-100])
    with pytest.raises(DataError, match="not a Parquet file"):
        import_activations(tmp_path / "acts.parquet", tmp_path / "other")


def test_what_cannot_be_imported(tmp_path):
    with pytest.raises(UsageError, match="no such file or folder"):
        import_activations(tmp_path / "absent.csv", tmp_path / "out")
    (tmp_path / "acts.mat").write_bytes(b"")
    with pytest.raises(UsageError, match=r"cannot import \.mat"):
        import_activations(tmp_path / "acts.mat", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no CSV files"):
        import_activations(tmp_path / "empty", tmp_path / "out")


def test_the_result_opens(table, tmp_path):
    made = import_activations(table, tmp_path / "acts", holdout=0)
    opened = Activations.open(tmp_path / "acts")
    assert opened.meta == made.meta
    assert opened.rows("holdout").size == 0
