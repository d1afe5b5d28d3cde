"""Runs side by side: several networks and knowledge bases on a small loop, counted again from the verdicts."""

import csv
import json
import math
import shutil
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from neurontology.analysis.across import label_across
from neurontology.analysis.lineup import line_up
from neurontology.analysis.lineup_plot import draw_lineup
from neurontology.analysis.run_verification import verify_run
from neurontology.analysis.verdict_record import verdict_records
from neurontology.analysis.verification import adjust, verify_unit
from neurontology.bridge.activations import Activations
from neurontology.bridge.example_rules import parse_rule
from neurontology.bridge.importers import import_activations
from neurontology.bridge.recording import record_verdicts
from neurontology.bridge.run import open_run
from neurontology.kb_build.annotate import annotate
from neurontology.kb_build.annotation import AnnotatedImage, AnnotatedObject
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.errors import UsageError
from neurontology.ontology.kb import KB
from neurontology.ontology.sparql import read_query, rows, run_query
from neurontology.ontology.vocabulary import vocabulary_turtle
from neurontology.reasoner.learning import InductionOptions
from pyoxigraph import NamedNode, RdfFormat, parse
from scipy import stats

IMAGES = 120
UNITS = 12
OBJECTS = ("car", "bus", "tree", "dog")
NL = "https://w3id.org/neurontology/"
FLAT = "@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> . :Car a owl:Class .\n"
DEEP = FLAT + (
    "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
    ":Car rdfs:subClassOf :Vehicle . :Bus rdfs:subClassOf :Vehicle . :Dog rdfs:subClassOf :Animal .\n"
)
OPTIONS = InductionOptions(max_atoms=1, top=1)


def contents() -> list[list[str]]:
    rng = np.random.default_rng(21)
    return [[o for o in OBJECTS if rng.random() < 0.4] for _ in range(IMAGES)]


def network(folder: Path, name: str, strength: float) -> Activations:
    """A layer whose units answer to vehicles, the more clearly the stronger."""
    rng = np.random.default_rng(len(name))
    with (folder / f"{name}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*range(UNITS), "Class_names", "Filenames"])
        for i, objects in enumerate(contents()):
            vehicle = "car" in objects or "bus" in objects
            writer.writerow([*(f"{strength * vehicle + v:.4f}" for v in rng.random(UNITS)), "toy", f"im{i}.jpg"])
    return import_activations(folder / f"{name}.csv", folder / name, holdout=0.5, seed=1, layer=name)


@pytest.fixture(scope="module")
def loop(tmp_path_factory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("lineup")
    kbs = []
    for name, text in (("flat", FLAT), ("deep", DEEP)):
        (folder / f"{name}.ttl").write_text(text)
        build_owl([folder / f"{name}.ttl"], folder / name)
        kbs.append(KB.open(folder / name, writable=True))
        images = [
            AnnotatedImage(f"im{i}", None, tuple(AnnotatedObject(str(j), (o,)) for j, o in enumerate(objects)))
            for i, objects in enumerate(contents())
        ]
        annotate(kbs[-1], images, dataset="toy", origin="test")
    networks = [network(folder, "weak", 0.15), network(folder, "strong", 0.6)]
    record = label_across(kbs, networks, folder / "out", options=OPTIONS, jobs=1)
    return SimpleNamespace(folder=folder, kbs=kbs, networks=networks, record=record)


def test_each_pair_is_a_run_with_its_verdicts(loop: SimpleNamespace) -> None:
    assert [row["name"] for row in loop.record["runs"]] == ["flat-weak", "flat-strong", "deep-weak", "deep-strong"]
    for row, (kb, acts) in zip(loop.record["runs"], product(loop.kbs, loop.networks), strict=True):
        run = open_run(row["run"])
        assert run.path == loop.folder / "out" / row["name"]
        found = verify_run(run, kb, acts)
        passed = [r for r in found if r.auc is not None and r.p_holm is not None and r.p_holm < 0.05 and r.auc > 0.5]
        assert (row["units"], row["labelled"]) == (UNITS, sum(bool(u["solutions"]) for u in run.units))
        assert (row["tested"], row["holm"]) == (sum(r.auc is not None for r in found), len(passed))
        assert row["gate"] == sum(bool(r.gate) for r in found if r.auc is not None)
        confirmed = sum(r.verdict == "confirmed" for r in found)
        assert row["confirmed"] == confirmed
        # Wilson's interval, written out.
        z, n, p = 1.959963984540054, UNITS, confirmed / UNITS
        middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        ends = [(middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)]
        assert [row["confirmed_low"], row["confirmed_high"]] == pytest.approx(ends, abs=1e-12)
        aucs = sorted(r.auc for r in found if r.auc is not None)
        assert row["auc_median"] == pytest.approx(np.median(aucs))
        assert aucs[0] <= row["auc_low"] <= row["auc_median"] <= row["auc_high"] <= aucs[-1]
        assert (row["auc"]["minimum"], row["auc"]["maximum"]) == (aucs[0], aucs[-1])


def test_the_same_units_are_paired_and_others_are_not(loop: SimpleNamespace) -> None:
    flat, strong, deep, _ = loop.record["runs"]
    assert flat["change"] is None
    aucs = {}
    for row, kb, acts in zip((flat, strong, deep), (0, 0, 1), (0, 1, 0), strict=True):
        found = verify_run(open_run(row["run"]), loop.kbs[kb], loop.networks[acts])
        aucs[row["name"]] = {r.unit: r.auc for r in found if r.auc is not None}
    weak = aucs["flat-weak"]
    changes = [value - weak[unit] for unit, value in aucs["deep-weak"].items() if unit in weak]
    told = deep["change"]
    assert (told["paired"], told["test"]) == (len(changes), "Wilcoxon signed-rank")
    assert told["change_median"] == pytest.approx(np.median(changes), abs=1e-12)
    assert (told["higher"], told["lower"]) == (sum(c > 1e-12 for c in changes), sum(c < -1e-12 for c in changes))
    told, others = strong["change"], list(aucs["flat-strong"].values())
    assert (told["paired"], told["test"], told["higher"]) == (0, "Mann-Whitney", None)
    assert told["p"] == stats.mannwhitneyu(list(weak.values()), others).pvalue
    assert told["change_median"] == pytest.approx(np.median(others) - np.median(list(weak.values())))
    assert told["low"] <= told["change_median"] <= told["high"]
    assert (loop.record["same_layer"], loop.record["common_units"]) == (False, None)


def test_one_layer_has_common_units(loop: SimpleNamespace) -> None:
    runs = [open_run(loop.folder / "out" / name) for name in ("flat-weak", "deep-weak")]
    record = line_up(runs, loop.kbs)
    tested = [
        {r.unit: r.auc for r in verify_run(run, kb, loop.networks[0]) if r.auc is not None}
        for run, kb in zip(runs, loop.kbs, strict=True)
    ]
    common = tested[0].keys() & tested[1].keys()
    assert record["common_units"] == len(common)
    for row, aucs in zip(record["runs"], tested, strict=True):
        assert row["auc_median_common"] == pytest.approx(np.median([aucs[unit] for unit in common]))


def test_a_label_whose_base_rate_is_untestable_passed_gate_and_holm_all_the_same(
    loop: SimpleNamespace, tmp_path: Path
) -> None:
    shutil.copytree(loop.folder / "flat", tmp_path / "kb")
    kb = KB.open(tmp_path / "kb", writable=True)
    runs = [open_run(loop.folder / "out" / name) for name in ("flat-weak", "flat-strong")]
    labelled = [unit["unit"] for unit in runs[0].units if unit["solutions"]][:3]
    assert len(labelled) == 3
    mask = [True] * 4 + [False] * 4
    activations = {  # four images against four: too few for the base rate, not for gate and test
        labelled[0]: [5, 6, 7, 8, 1, 2, 3, 4],
        labelled[1]: [0, 0, 7, 8, 1, 2, 3, 4],
        labelled[2]: [1, 2, 3, 4, 5, 6, 7, 8],
    }
    judged = adjust(verify_unit(values, mask, unit=unit, label="x") for unit, values in activations.items())
    assert judged[0].verdict.startswith("untestable")
    assert [row.verdict for row in judged[1:]] == ["rejected", "gate only"]
    record_verdicts(kb, runs[0], verdict_records(judged), {"images": "few"})
    row = line_up(runs, [kb, kb])["runs"][0]
    assert (row["tested"], row["gate"], row["holm"], row["confirmed"]) == (3, 2, 1, 0)
    names, found = rows(run_query(kb, read_query("gate-and-holm")[0], {}))
    of_run = [r for r in found if r[names.index("verdict")].value == judged[0].verdict]
    assert [int(r[names.index("unit")].value) for r in of_run] == [labelled[0]]
    assert of_run[0][names.index("baseRate")] is None


def test_every_knowledge_base_knows_the_comparison(loop: SimpleNamespace) -> None:
    query = """
    SELECT DISTINCT ?name ?confirmed ?auc ?layer WHERE {
      ?c a nl:Comparison ; dct:hasPart ?o . ?o a nl:ComparedRun ; rdfs:label ?name ; nl:rank ?rank ;
         nl:unitsConfirmed ?confirmed ; nl:medianAuc ?auc ; nl:inLayer ?layer .
    } ORDER BY ?rank"""
    described = {quad.subject.value for quad in parse(vocabulary_turtle(), format=RdfFormat.TURTLE)}
    for kb in loop.kbs:
        _, found = rows(run_query(kb, f"PREFIX dct: <http://purl.org/dc/terms/>\n{query}", {}))
        told = [(r[0].value, int(r[1].value), float(r[2].value)) for r in found]
        assert told == [(r["name"], r["confirmed"], r["auc_median"]) for r in loop.record["runs"]]
        assert len({r[3].value for r in found}) == 2
        (entry,) = [e for e in kb.entries if e.name.endswith("-comparison")]
        terms = {
            term.value
            for quad in kb.content(entry)
            for term in (quad.predicate, quad.object)
            if isinstance(term, NamedNode) and term.value.startswith(NL) and "/" not in term.value.removeprefix(NL)
        }
        assert terms <= described


def test_the_same_again_is_the_same(loop: SimpleNamespace, tmp_path: Path) -> None:
    before = [{entry.iri: entry.digest for entry in kb.entries} for kb in loop.kbs]
    again = label_across(loop.kbs, loop.networks, tmp_path / "out", options=OPTIONS)
    assert [{entry.iri: entry.digest for entry in kb.entries} for kb in loop.kbs] == before
    assert again["comparison"] == loop.record["comparison"]
    assert json.loads((loop.folder / "out" / "comparison.json").read_text()) == loop.record
    first, second = (draw_lineup(loop.record, tmp_path / f"{n}.svg").read_bytes() for n in "ab")
    assert first == second
    assert all(row["name"] in first.decode() for row in loop.record["runs"])


def test_calls_that_make_no_sense_are_refused(loop: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to compare"):
        label_across(loop.kbs[:1], loop.networks[:1], tmp_path / "x")
    with pytest.raises(UsageError, match="have the same content"):
        label_across(loop.kbs[:1], [loop.networks[0], loop.networks[0]], tmp_path / "x")
    (tmp_path / "else").mkdir()
    with pytest.raises(UsageError, match="several directories are called 'weak'"):
        label_across(loop.kbs[:1], [loop.networks[0], network(tmp_path / "else", "weak", 0.9)], tmp_path / "x")
    run = open_run(loop.folder / "out" / "flat-weak")
    with pytest.raises(UsageError, match="are the same run"):
        line_up([run, run], [loop.kbs[0]] * 2)
    with pytest.raises(UsageError, match="nothing to compare"):
        line_up([run], loop.kbs[:1])
    with pytest.raises(UsageError, match="AUROC"):
        label_across(
            loop.kbs,
            loop.networks,
            tmp_path / "x",
            thresholds=parse_rule("20-40"),
            options=InductionOptions(score="auroc"),
        )
    assert not (tmp_path / "x").exists()
