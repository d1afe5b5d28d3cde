"""Ensembles: a planted pair whose members mean little alone, its triples, and the command."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from neurontology.analysis.auc import auc_interval
from neurontology.analysis.coactivation import CoactivationSearch
from neurontology.analysis.ensemble_recording import record_ensembles
from neurontology.analysis.ensembles import compare_groups, ensembles_record, find_groups
from neurontology.analysis.run_verification import verify_run
from neurontology.analysis.unit_groups import UnitGroup, parse_groups
from neurontology.analysis.verification import Criteria
from neurontology.bridge.activations import Activations
from neurontology.bridge.example_rules import Thresholds
from neurontology.bridge.importers import import_activations
from neurontology.bridge.labelling import join_images
from neurontology.kb_build.annotate import annotate
from neurontology.kb_build.annotation import AnnotatedImage, AnnotatedObject
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.errors import UsageError
from neurontology.ontology.kb import KB
from neurontology.ontology.sparql import rows, run_query
from neurontology.reasoner.learning import InductionOptions
from saved_run import saved_run

OBJECTS = ("car", "tree", "dog", "lamp")
OPTIONS = InductionOptions(max_atoms=1, top=1)


def contents() -> list[list[str]]:
    rng = np.random.default_rng(11)
    return [[o for o in OBJECTS if rng.random() < 0.4] for _ in range(240)]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Units 0 and 1 fire for dogs, each for another third of the other images, too; 2 fires for lamps, 3 never."""
    path, rng = tmp_path_factory.mktemp("ensembles"), np.random.default_rng(12)
    (path / "toy.ttl").write_text(
        "@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .\n"
        + "".join(f":{o.title()} a owl:Class .\n" for o in OBJECTS)
    )
    build_owl([path / "toy.ttl"], path / "kb")
    shown = contents()
    images = [
        AnnotatedImage(f"im{i}", None, tuple(AnnotatedObject(str(j), (o,)) for j, o in enumerate(objects)))
        for i, objects in enumerate(shown)
    ]
    annotate(KB.open(path / "kb", writable=True), images, dataset="toy", origin="test")
    with (path / "acts.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*range(4), "Class_names", "Filenames"])
        for i, objects in enumerate(shown):
            extra, noise = rng.integers(0, 3), rng.random(3)
            row = [
                10.0 * ("dog" in objects or extra == 0) + noise[0],
                30.0 * ("dog" in objects or extra == 1) + 3 * noise[1],
                5.0 * ("lamp" in objects) + noise[2],
                0.0,
            ]
            writer.writerow([*(f"{v:.6f}" for v in row), "toy", f"im{i}.jpg"])
    import_activations(path / "acts.csv", path / "acts", holdout=0.5, seed=1, layer="dense")
    return path


@pytest.fixture
def kb(planted: Path) -> KB:
    return KB.open(planted / "kb")


@pytest.fixture
def acts(planted: Path) -> Activations:
    return Activations.open(planted / "acts")


def test_the_planted_pair_is_found_first(kb, acts):
    found = find_groups(join_images(kb, acts), acts, size=2, count=2)
    assert (found.groups[0].group, found.possible) == (UnitGroup((0, 1)), 6)
    seen = acts.values[acts.rows("induction"), :2]
    both = (seen >= 0.8 * seen.max(axis=0)).all(axis=1)
    assert found.groups[0].support == both.sum()
    # Numbers of a choice of units are those of the layer.
    chosen = find_groups(join_images(kb, acts), acts, size=2, count=1, units=[1, 2, 3])
    assert chosen.groups[0].group == UnitGroup((1, 2))
    for wrong in ({"size": 4}, {"size": 2, "units": [4]}, {"size": 2, "thresholds": Thresholds(rule="quantile")}):
        with pytest.raises(UsageError):
            find_groups(join_images(kb, acts), acts, count=1, **wrong)


def test_correlated_groups_and_clusters_are_of_the_induction_images_and_the_layers_numbers(kb, acts):
    joined = join_images(kb, acts)
    r = np.corrcoef(acts.values[acts.rows("induction"), :3].astype(float), rowvar=False)
    pairs = find_groups(joined, acts, by="correlation", count=9)
    assert pairs.groups[0].group == UnitGroup((0, 1))
    assert {g.group.members: g.correlation for g in pairs.groups} == {
        (i, j): pytest.approx(r[i, j], abs=1e-9) for i in range(3) for j in range(i + 1, 3) if r[i, j] > 0
    }
    chosen = find_groups(joined, acts, by="clusters", count=1, units=[0, 1, 3], size=2)
    assert [(g.group.members, g.correlation) for g in chosen.groups] == [((0, 1), pytest.approx(r[0, 1], abs=1e-9))]
    # Co-activation alone depends on what a positive image is.
    assert find_groups(joined, acts, by="correlation", count=9, thresholds=Thresholds(rule="quantile")) == pairs
    for wrong in ({"by": "correlation", "size": 4}, {"by": "clusters", "size": 1}, {"by": "colour"}):
        with pytest.raises(UsageError):
            find_groups(joined, acts, count=1, **wrong)


def test_the_pair_is_labelled_and_beats_its_members(kb, acts):
    joined = join_images(kb, acts)
    (pair,) = compare_groups(joined, acts, parse_groups("0+1"), options=OPTIONS, kb=kb)
    assert pair.label.induction is not None
    assert pair.row is not None
    assert "dog" in pair.row.label
    assert (pair.row.verdict, pair.better) == ("confirmed", True)
    # The joint activation and its AUC once more, by hand.
    maxima = acts.values[acts.rows("induction")].astype(float).max(axis=0)
    held_out = acts.rows("holdout")
    joint = np.minimum(acts.values[held_out, 0] / maxima[0], acts.values[held_out, 1] / maxima[1])
    dogs = np.array(["dog" in contents()[int(acts.images[i].id.removeprefix("im"))] for i in held_out])
    assert pair.row.auc == pytest.approx(auc_interval(joint[dogs], joint[~dogs]).auc)
    assert pair.row.target_images == dogs.sum()
    for unit, member in enumerate(pair.members):
        own = acts.values[held_out, unit]
        assert member.auc_for_group == pytest.approx(auc_interval(own[dogs], own[~dogs]).auc)
        assert pair.row.auc > member.auc_for_group
    assert pair.gain == pytest.approx(pair.row.auc - max(m.row.auc for m in pair.members))
    assert pair.gain_same_label == pytest.approx(pair.row.auc - max(m.auc_for_group for m in pair.members))


def test_members_are_labelled_and_judged_as_label_and_verify_do(kb, acts, planted, tmp_path):
    joined, thresholds = join_images(kb, acts), Thresholds()
    (group,) = compare_groups(joined, acts, [UnitGroup((0, 1, 2))], options=OPTIONS, kb=kb)
    run = saved_run(tmp_path / "run", kb, acts, thresholds, OPTIONS)
    for member, row in zip(group.members, verify_run(run, kb, acts), strict=True):
        assert (member.row.unit, member.row.label, member.row.p) == (row.unit, row.label, row.p)
        # Four labels were tested together: the members' and the group's.
        assert member.row.auc == row.auc
        assert member.row.p_holm >= row.p_holm


def test_a_member_that_never_fires_silences_the_minimum_and_not_the_mean(kb, acts):
    joined, groups = join_images(kb, acts), [UnitGroup((0, 3))]
    (silent,) = compare_groups(joined, acts, groups, options=OPTIONS, kb=kb)
    assert silent.label.status.startswith("never fires")
    assert (silent.row, silent.gain, silent.better) == (None, None, None)
    (mean,) = compare_groups(joined, acts, groups, how="mean", options=OPTIONS, kb=kb)
    assert mean.row is not None


def test_what_cannot_be_compared_is_refused(kb, acts):
    joined = join_images(kb, acts)
    with pytest.raises(UsageError, match="no unit 9"):
        compare_groups(joined, acts, [UnitGroup((0, 9))], kb=kb)
    with pytest.raises(UsageError, match="is an activation"):
        compare_groups(joined, acts, [UnitGroup((0, 1))], criteria=Criteria(threshold=0.5), kb=kb)


def test_triples_have_members_verdict_and_comparison_and_are_written_once(planted, acts, tmp_path):
    kb = KB.open(shutil.copytree(planted / "kb", tmp_path / "kb"), writable=True)
    joined = join_images(kb, acts)
    found = find_groups(joined, acts, size=2, count=1)
    assert isinstance(found, CoactivationSearch)
    groups = [g.group for g in found.groups]
    compared = compare_groups(joined, acts, groups, options=OPTIONS, kb=kb)
    record = ensembles_record(compared, acts, kb, dataset="toy", how="minimum", criteria=Criteria(), search=found)
    json.dumps(record, allow_nan=False)
    assert record_ensembles(kb, acts, record)
    assert not record_ensembles(kb, acts, record)
    text = """SELECT ?number ?verdict ?gain WHERE {
        ?group a nl:UnitGroup ; prov:hadMember/nl:unitNumber ?number ; nl:aucGain ?gain ; nl:betterThanMembers true ;
               nl:label ?label . ?assertion earl:subject ?label ; nl:verdict ?verdict } ORDER BY ?number"""
    _, answer = rows(run_query(kb, text))
    found_rows = [(int(n.value), v.value, float(g.value)) for n, v, g in answer]
    assert found_rows == [(0, "confirmed", compared[0].gain), (1, "confirmed", compared[0].gain)]


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "neurontology", "ensembles", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "160", "PYTHONWARNINGS": "error"},
        check=False,
    )


def test_the_command(planted, tmp_path):
    kb, acts = shutil.copytree(planted / "kb", tmp_path / "kb"), planted / "acts"
    (tmp_path / "groups.txt").write_text("0+1\n1+0+2\n")
    result = command(kb, acts, "--groups", tmp_path / "groups.txt", "--max-atoms", 1, "--json")
    assert result.returncode == 0, result.stderr
    record = json.loads(result.stdout)
    assert [group["units"] for group in record["groups"]] == [[0, 1], [0, 1, 2]]
    assert [member["unit"] for member in record["groups"][1]["members"]] == [0, 1, 2]
    assert record["groups"][0]["verification"]["verdict"] == "confirmed"
    assert (record["possible"], record["groups"][0]["support"]) == (None, None)
    table = command(kb, acts, "--find", 1, "--size", 3, "--max-atoms", 1)
    assert table.returncode == 0, table.stderr
    assert "0+1+2" in table.stdout
    assert "found by coactivation among 4 possible groups" in table.stdout
    clusters = command(kb, acts, "--find-by", "clusters", "--max-atoms", 1, "--plot", tmp_path / "plot.svg", "--json")
    assert clusters.returncode == 0, clusters.stderr
    record = json.loads(clusters.stdout)
    assert (record["found_by"], record["plot"]) == ("clusters", str(tmp_path / "plot.svg"))
    assert record["groups"][0]["units"][:2] == [0, 1]
    assert record["groups"][0]["correlation"] > 0
    assert "each for its own label" in (tmp_path / "plot.svg").read_text()
    _, stored = rows(run_query(KB.open(kb), "SELECT ?r WHERE { ?group nl:foundBy 'clusters' ; nl:correlation ?r }"))
    assert [float(row[0].value) for row in stored] == [g["correlation"] for g in record["groups"]]
    for wrong, says in (
        (("--groups", "0+1", "--units", "0-2"), "--units"),
        (("--groups", "0+1", "--threshold", "0.5"), "share of the maximum"),
        (("--find-by", "colour"), "coactivation or correlation or clusters"),
        (("--find-by", "correlation", "--size", 4), "2 or 3"),
        (("--plot", "plot.gif"), "no name of a plot"),
        (("--positive", "2", "--groups", "0+1"), "are out of order"),
        (("--units", "1"), "1 unit cannot make a group of 2"),
        (("--find-by", "clusters", "--units", "1"), "1 unit cannot make a group of 8"),
    ):
        refused = command(kb, acts, *wrong)
        assert (refused.returncode, refused.stdout) == (2, ""), refused.stderr
        assert says in refused.stderr
