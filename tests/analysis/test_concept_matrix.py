"""All units against all concepts: cells by hand and by scipy, the published files, labels from a file."""

import csv
from pathlib import Path

import numpy as np
import pytest
from neurontology.analysis.concept_matrix import (
    ConceptImages,
    concept_images,
    concept_matrix,
    label_rows,
    read_labels,
)
from neurontology.analysis.published import verify_table
from neurontology.analysis.statistics import RankTest
from neurontology.analysis.verification import Criteria
from neurontology.bridge.importers import import_activations
from neurontology.ontology.errors import DataError, UsageError
from scipy.stats import mannwhitneyu

CONCEPTS = ("lamp", "cat", "night_table")


@pytest.fixture
def images():
    rng = np.random.default_rng(3)
    concepts = [CONCEPTS[i % 3] for i in range(60)]
    values = rng.exponential(size=(60, 3))
    for unit, concept in enumerate(("cat", "lamp", "cat")):
        values[[c == concept for c in concepts], unit] += 3 - unit
    return ConceptImages((0, 4, 7), values, tuple(concepts), {0: ("cat",), 4: ("night_table",), 7: ("cat", "lamp")})


def test_every_cell_is_the_test_of_one_concept_against_all_others(images):
    cells = concept_matrix(images, Criteria(test=RankTest(tie_correction=True)))
    assert [(c.row.unit, c.row.label) for c in cells] == [(u, n) for u in (0, 4, 7) for n in sorted(CONCEPTS)]
    for cell in cells:
        column = images.values[:, images.units.index(cell.row.unit)]
        shown = np.array(images.concepts) == cell.row.label
        expected = mannwhitneyu(column[shown], column[~shown], alternative="greater", use_continuity=False)
        assert cell.row.p == pytest.approx(expected.pvalue)
        assert cell.row.auc == pytest.approx(expected.statistic / (20 * 40))
        assert (cell.row.target_images, cell.row.non_target_images) == (20, 40)


def test_p_is_adjusted_over_the_whole_matrix_and_own_labels_are_ranked(images):
    cells = concept_matrix(images)
    smallest = min(cells, key=lambda cell: cell.row.p)
    assert smallest.row.p_holm == pytest.approx(9 * smallest.row.p)
    own = {(c.row.unit, c.row.label): c.rank for c in cells if c.own}
    assert own[0, "cat"] == own[7, "cat"] == 1
    assert own[4, "night_table"] > 1
    assert len(own) == 4
    assert {c.rank for c in cells if c.row.unit == 4} == {1, 2, 3}
    assert cells[0].to_json()["own_label"] is True
    assert cells[0].to_columns()["auc_rank"] == 1


def test_chosen_units_and_labels_alone(images):
    assert {c.row.unit for c in concept_matrix(images, units=[7, 0])} == {0, 7}
    with pytest.raises(UsageError, match="there is no unit 5"):
        concept_matrix(images, units=[5])
    rows = label_rows(images)
    assert [(row.unit, row.label) for row in rows] == [(0, "cat"), (4, "night_table"), (7, "cat"), (7, "lamp")]
    assert rows[0].p_holm == pytest.approx(4 * rows[0].p)


def test_a_silent_unit_has_no_rank():
    images = ConceptImages((0,), np.zeros((8, 1)), ("a", "b") * 4, {})
    assert [cell.rank for cell in concept_matrix(images)] == [None, None]
    with pytest.raises(UsageError, match="no unit has a label"):
        label_rows(images)


@pytest.fixture
def act(tmp_path: Path):
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["0", "1", "Class_names", "Filenames"])
        for i in range(48):
            name = ("Night_table", "cat")[i % 2]
            writer.writerow([5 - 4 * (i % 2) + i / 100, i % 7, name, f"im{i}.jpg"])
    return import_activations(tmp_path / "a.csv", tmp_path / "act", holdout=0.25, seed=1)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_activation_directories_are_read_by_the_classes_of_their_held_out_images(act, tmp_path):
    labels = write(tmp_path / "labels.csv", "layer,unit,description\nx,0,night table\nx,1,\n")
    images = concept_images([act.path], labels)
    assert len(images.concepts) == 12  # a quarter of them
    assert images.labels == {0: ("Night_table",)}
    (row,) = label_rows(images)
    assert (row.label, row.auc, row.target_images + row.non_target_images) == ("Night_table", 1.0, 12)
    assert len(concept_matrix(concept_images([act.path]))) == 4


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("unit,label\n0,night tables\n", UsageError, "no image shows 'night tables'.*Did you mean Night_table"),
        ("unit,label\n2,cat\n", UsageError, "there is no unit 2"),
        ("unit,name\n0,cat\n", DataError, "l.csv:1: the columns are unit, name"),
        ("unit,label\nx,cat\n", DataError, "l.csv:2: the unit is 'x'"),
    ],
)
def test_labels_that_do_not_fit_are_refused(text, error, message, act, tmp_path):
    with pytest.raises(error, match=message):
        concept_images([act.path], write(tmp_path / "l.csv", text))


def test_files_that_are_missing_or_not_wanted(act, tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        read_labels(tmp_path / "absent.csv")
    table = write(tmp_path / "neuron_0_x.csv", "0,Class_names,Filenames\n1,a,b\n")
    other = write(tmp_path / "neuron_1_x.csv", "1,Class_names,Filenames\n1,a,b\n")
    with pytest.raises(DataError, match=r"neuron_1_x\.csv: the file holds 1 units"):
        concept_images([table, other])


def test_labels_of_ones_own_for_tables_whatever_their_names(tmp_path):
    rng = np.random.default_rng(8)
    lines = ["Class Names,unit_4,unit_2"]
    shown = [("cat", "Night table")[i % 2] for i in range(40)]
    values = rng.random((40, 2)) + [[c == "cat", 0] for c in shown]
    lines += [f"{c},{a},{b}" for c, (a, b) in zip(shown, values, strict=True)]
    table = write(tmp_path / "all concepts.csv", "\n".join(lines) + "\n")
    labels = write(tmp_path / "l.csv", "Label,Neuron\nCat,4\nnight_table,2\n")
    images = concept_images([table], labels)
    assert images.labels == {4: ("cat",), 2: ("Night table",)}
    first, second = label_rows(images)
    assert (second.unit, second.label) == (4, "cat")
    cats = np.array(shown) == "cat"
    expected = mannwhitneyu(values[cats, 0], values[~cats, 0], alternative="greater", use_continuity=False)
    assert (second.p, first.target_images) == (pytest.approx(expected.pvalue), 20)
    assert len(concept_matrix(concept_images([table]))) == 4
    with pytest.raises(UsageError, match="there is no unit 3"):
        concept_images([table], write(tmp_path / "m.csv", "unit,label\n3,cat\n"))


def test_the_diagonal_of_the_published_files_is_the_published_table(shared_data: Path):
    folder = shared_data / "resnet50v2-neurons" / "google-images" / "verification"
    images = concept_images([folder])
    table = {(row.unit, row.label): row for row in verify_table([folder])}
    assert {(unit, label) for unit, labels in images.labels.items() for label in labels} == set(table)
    compared = 0
    for row in label_rows(images):
        published = table[row.unit, row.label]
        assert (row.target_percent, row.target_mean) == pytest.approx((published.target_percent, published.target_mean))
        if row.target_images == published.target_images:
            assert (row.z, row.auc, row.verdict) == (
                pytest.approx(published.z),
                pytest.approx(published.auc),
                published.verdict,
            )
            compared += 1
    assert compared > 25
