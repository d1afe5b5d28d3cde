"""Sweeps, combined responses and comparisons on a small loop, against definitions applied image by image."""

import csv
import json
import math
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from neurontology.analysis.comparison import compare_runs, recorded_verdicts
from neurontology.analysis.responses import concordance, responses
from neurontology.analysis.run_verification import verify_run
from neurontology.analysis.sweep import DEFAULT_SETTINGS, sweep, sweep_record
from neurontology.analysis.sweep_plot import draw_sweep
from neurontology.bridge.activations import Activations
from neurontology.bridge.example_rules import parse_rule, parse_rules
from neurontology.bridge.importers import import_activations
from neurontology.bridge.labelling import join_images
from neurontology.bridge.run import open_run, read_expression
from neurontology.kb_build.annotate import annotate
from neurontology.kb_build.annotation import AnnotatedImage, AnnotatedObject
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.errors import UsageError
from neurontology.ontology.expression import And, AtLeast, AtMost, ClassExpression, Named, Not, Only, Or, Some, Top
from neurontology.ontology.kb import KB
from neurontology.ontology.sparql import rows, run_query
from neurontology.ontology.vocabulary import vocabulary_turtle
from neurontology.reasoner.learning import InductionOptions
from pyoxigraph import NamedNode, RdfFormat, parse
from scipy import stats

TBOX = """
@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
:Car rdfs:subClassOf :Vehicle . :Bus rdfs:subClassOf :Vehicle . :Tree rdfs:subClassOf :Plant .
:Flower rdfs:subClassOf :Plant . :Dog a owl:Class .
"""
ABOVE = {"car": {"Car", "Vehicle"}, "bus": {"Bus", "Vehicle"}, "tree": {"Tree", "Plant"}}
ABOVE |= {"flower": {"Flower", "Plant"}, "dog": {"Dog"}}
IMAGES = 160
NL = "https://w3id.org/neurontology/"
SETTINGS = ("80/20", "60/30", "q80/50", "top25/40")


def contents() -> list[list[str]]:
    rng = np.random.default_rng(5)
    return [[o for o in ABOVE if rng.random() < 0.35] for _ in range(IMAGES)]


def write_activations(folder: Path, name: str, layer: str) -> Activations:
    """Units: 0 fires for vehicles, weakly for dogs, 1 for trees or dogs, 2 never, 3 at random."""
    rng = np.random.default_rng(6)
    with (folder / f"{name}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*range(4), "Class_names", "Filenames"])
        for i, objects in enumerate(contents()):
            vehicle, dog, tree = "car" in objects or "bus" in objects, "dog" in objects, "tree" in objects
            noise = rng.random(3) * (4, 4, 10)
            row = (6 * vehicle + 2 * dog + noise[0], 5 * (tree or dog) + noise[1], 0.0, noise[2])
            writer.writerow([*(f"{v:.4f}" for v in row), "toy", f"im{i}.jpg"])
    return import_activations(folder / f"{name}.csv", folder / name, holdout=0.5, seed=1, layer=layer)


@pytest.fixture(scope="module")
def loop(tmp_path_factory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "toy.ttl").write_text(TBOX)
    build_owl([folder / "toy.ttl"], folder / "kb")
    images = [
        AnnotatedImage(f"im{i}", None, tuple(AnnotatedObject(str(j), (o,)) for j, o in enumerate(objects)))
        for i, objects in enumerate(contents())
    ]
    kb = KB.open(folder / "kb", writable=True)
    annotate(kb, images, dataset="toy", origin="test")
    acts = write_activations(folder, "acts", "dense")
    found = sweep(
        kb,
        acts,
        parse_rules(SETTINGS),
        folder / "out",
        options=InductionOptions(max_atoms=2, top=3),
        combined=3,
        jobs=1,
    )
    return SimpleNamespace(folder=folder, kb=kb, acts=acts, sweep=found, record=sweep_record(found))


def holds(expression: ClassExpression, image: list[str]) -> bool:
    """Whether an image is an instance, by the annotations alone."""

    def of(e: ClassExpression, obj: str) -> bool:
        match e:
            case Top():
                return True
            case Named(iri):
                return iri.rpartition("/")[2] in ABOVE[obj]
            case Not(inner):
                return not of(inner, obj)
            case And(parts):
                return all(of(part, obj) for part in parts)
            case Or(parts):
                return any(of(part, obj) for part in parts)
        raise AssertionError(e)

    match expression:
        case Not(inner):
            return not holds(inner, image)
        case And(parts):
            return all(holds(part, image) for part in parts)
        case Or(parts):
            return any(holds(part, image) for part in parts)
        case Some(_, filler):
            return any(of(filler, obj) for obj in image)
        case Only(_, filler):
            return all(of(filler, obj) for obj in image)
        case AtLeast(number, _, filler):
            return sum(of(filler, obj) for obj in image) >= number
        case AtMost(number, _, filler):
            return sum(of(filler, obj) for obj in image) <= number
    raise AssertionError(expression)


def pairwise(membership: list[float], values: list[float]) -> float | None:
    """The concordance, pair by pair."""
    pairs = [(v, w) for (a, v), (b, w) in product(zip(membership, values, strict=True), repeat=2) if a > b]
    return sum((v > w) + (v == w) / 2 for v, w in pairs) / len(pairs) if pairs else None


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_concordance_is_somers_d_and_the_auc(levels: int) -> None:
    rng = np.random.default_rng(levels)
    for _ in range(20):
        membership = rng.integers(0, levels, 40)
        values = rng.integers(0, 9, 40) + membership
        found = concordance(membership, values)
        assert found == pytest.approx(pairwise(membership.tolist(), values.tolist()))
        assert found == pytest.approx((1 + stats.somersd(membership, values).statistic) / 2)
    assert concordance([1, 1, 1], [1, 2, 3]) is None


def test_combined_responses_are_those_of_every_image(loop: SimpleNamespace) -> None:
    outcome, images = loop.sweep.outcomes[2], contents()
    held = [i for i, image in enumerate(loop.acts.images) if image.split == "holdout"]
    shown = [images[int(loop.acts.images[i].id.removeprefix("im"))] for i in held]
    found = {(r.solutions, r.combination): r for r in outcome.responses}
    assert set(found) == {(1, "single"), *product((2, 3), ("or", "and", "weighted"))}
    single: dict[int, float] = {}
    for (n, combination), response in found.items():
        aucs, gate, number = {}, 0, 0
        for unit in outcome.run.units:
            solutions = unit["solutions"][:n]
            if len(solutions) < n:
                continue
            number += 1
            values = [float(loop.acts.values[i, unit["unit"]]) for i in held]
            member = [[holds(read_expression(s["expression"]), image) for image in shown] for s in solutions]
            each = list(zip(*member, strict=True))
            if combination == "weighted":
                graded = [round(sum(s["f1"] * m for s, m in zip(solutions, row, strict=True)), 9) for row in each]
            else:
                graded = [(all if combination == "and" else any)(row) for row in each]
                if min(sum(graded), len(graded) - sum(graded)) < 3:
                    continue
                targets = [v for v, m in zip(values, graded, strict=True) if m]
                gate += sum(v > 0 for v in targets) >= 0.8 * len(targets)
            value = pairwise(graded, values)
            if value is not None:
                aucs[unit["unit"]] = value
        if n == 1:
            single = aucs
        change = [aucs[u] - single[u] for u in aucs if u in single]
        assert (response.units, response.tested, response.paired) == (number, len(aucs), len(change))
        assert response.auc_median == pytest.approx(np.median(list(aucs.values())))
        assert response.change_median == pytest.approx(np.median(change), abs=1e-12)
        assert response.higher == sum(c > 1e-9 for c in change)
        assert response.lower == sum(c < -1e-9 for c in change)
        assert response.equal == sum(abs(c) <= 1e-9 for c in change)
        assert response.gate == (None if combination == "weighted" else gate)
    assert any(r.higher or r.lower for r in found.values())


def test_a_sweep_is_a_run_and_its_verdicts_for_each_setting(loop: SimpleNamespace) -> None:
    assert [row["setting"] for row in loop.record["settings"]] == list(SETTINGS)
    tested = []
    for row, name in zip(loop.record["settings"], SETTINGS, strict=True):
        run = open_run(row["run"])
        limits = parse_rule(name)
        assert run.config.thresholds == limits
        verdicts = verify_run(run, loop.kb, loop.acts)
        labelled = [u for u in run.units if u["solutions"]]
        aucs = [v.auc for v in verdicts if v.auc is not None]
        tested.append({v.unit: v.auc for v in verdicts if v.auc is not None})
        assert (row["units"], row["labelled"], row["tested"]) == (4, len(labelled), len(aucs))
        assert row["confirmed"] == sum(v.verdict == "confirmed" for v in verdicts)
        assert row["gate"] == sum(bool(v.gate) for v in verdicts if v.auc is not None)
        assert row["auc_median"] == pytest.approx(np.median(aucs))
        assert {u: v.verdict for u, v in recorded_verdicts(loop.kb, run).items()} == {
            v.unit: v.verdict for v in verdicts
        }
        values = loop.acts.values[[i.split == "induction" for i in loop.acts.images], 0].astype(float)
        if limits.rule == "top":
            assert labelled[0]["positives"] == 25
        elif limits.rule == "quantile":
            assert labelled[0]["positives"] == math.floor(len(values) * 0.2) + 1
        else:
            assert labelled[0]["positives"] == int((values >= limits.positive * values.max()).sum())
    common = set.intersection(*map(set, tested))
    assert loop.record["common_units"] == len(common) >= 2
    for row, aucs in zip(loop.record["settings"], tested, strict=True):
        assert row["auc_median_common"] == pytest.approx(np.median([aucs[unit] for unit in common]))
    assert json.loads((loop.folder / "out" / "sweep.json").read_text()) == loop.record


def test_a_sweep_can_be_asked_for_in_sparql(loop: SimpleNamespace) -> None:
    query = """
    SELECT ?setting ?positive ?confirmed ?change WHERE {
      ?sweep a nl:Sweep ; dct:hasPart ?outcome .
      ?outcome nl:ofRun ?run ; rdfs:label ?setting ; nl:unitsConfirmed ?confirmed ; dct:hasPart ?both .
      ?run a nl:Run ; mls:hasInput [ mls:specifiedBy/rdfs:label "positive" ; mls:hasValue ?positive ] .
      ?both nl:combination "or" ; nl:solutionsCombined 2 ; nl:medianAucChange ?change .
    }"""
    _, found = rows(run_query(loop.kb, f"PREFIX dct: <http://purl.org/dc/terms/>\n{query}", {}))
    told = {row[0].value: [float(term.value) for term in row[1:]] for row in found}
    expected = {}
    for row in loop.record["settings"]:
        both = next(r for r in row["responses"] if (r["solutions"], r["combination"]) == (2, "or"))
        expected[row["setting"]] = [row["positive"], row["confirmed"], both["change_median"]]
    assert told == expected


def test_every_term_of_sweeps_is_in_the_vocabulary(loop: SimpleNamespace) -> None:
    (entry,) = [e for e in loop.kb.entries if e.name.endswith("-sweep")]
    terms = {
        term.value
        for quad in loop.kb.content(entry)
        for term in (quad.predicate, quad.object)
        if isinstance(term, NamedNode) and term.value.startswith(NL) and "/" not in term.value.removeprefix(NL)
    }
    described = {quad.subject.value for quad in parse(vocabulary_turtle(), format=RdfFormat.TURTLE)}
    assert len(terms) == 19
    assert terms <= described


def test_the_same_sweep_elsewhere_records_nothing_new(loop: SimpleNamespace, tmp_path: Path) -> None:
    before = {entry.iri: entry.digest for entry in loop.kb.entries}
    again = sweep(
        loop.kb,
        loop.acts,
        parse_rules(SETTINGS),
        tmp_path / "out",
        options=InductionOptions(max_atoms=2, top=3),
        combined=3,
    )
    assert again.digest == loop.sweep.digest
    assert {entry.iri: entry.digest for entry in loop.kb.entries} == before


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_plots_are_the_same_bytes_each_time(loop: SimpleNamespace, tmp_path: Path, kind: str) -> None:
    first, second = (draw_sweep(loop.record, tmp_path / f"{n}.{kind}").read_bytes() for n in "ab")
    assert first == second
    if kind == "svg":
        shown = (*SETTINGS, "held-out AUC", "confirmed", "first 2, or", "first 3, and", "first 3, weighted")
        assert all(name in first.decode() for name in shown)
        alone = {**loop.record, "settings": [{**row, "responses": []} for row in loop.record["settings"]]}
        assert "first 2" not in draw_sweep(alone, tmp_path / "alone.svg").read_text()
    with pytest.raises(UsageError, match="no name of a plot"):
        draw_sweep(loop.record, tmp_path / "plot.txt")


def test_calls_that_make_no_sense_are_refused(loop: SimpleNamespace, tmp_path: Path) -> None:
    for text in ("20/80", "80", "q0/5", "top0/5", "top2.5/9", "101/5", "most"):
        with pytest.raises(UsageError, match="defines no example sets"):
            parse_rule(text)
    with pytest.raises(UsageError, match="the same as '80/20'"):
        parse_rules(("80/20", "80.0/20"))
    with pytest.raises(UsageError, match="exists"):
        sweep(loop.kb, loop.acts, parse_rules(SETTINGS), loop.folder / "out")
    with pytest.raises(UsageError, match="nothing to sweep"):
        sweep(loop.kb, loop.acts, (), tmp_path / "x")
    run = loop.sweep.outcomes[0].run
    with pytest.raises(UsageError, match="4 solutions cannot"):
        responses(run, loop.kb, loop.acts, join_images(loop.kb, loop.acts), 4)
    assert len(parse_rules(DEFAULT_SETTINGS)) == len(DEFAULT_SETTINGS)


def test_two_runs_of_a_layer_unit_by_unit(loop: SimpleNamespace) -> None:
    first, second = loop.sweep.outcomes[0].run, loop.sweep.outcomes[2].run
    record = compare_runs(first, second, loop.kb, loop.kb)
    assert record["same_layer"] is True
    assert {s["name"] for s in record["settings"]} == {"negative", "rule"}
    assert sum(record["changes"].values()) == len(record["units"]) == 4
    for unit, a, b in zip(record["units"], first.units, second.units, strict=True):
        texts = [[s["expression"] for s in u["solutions"]] for u in (a, b)]
        if not (texts[0] and texts[1]):
            assert unit["change"] == ("lost" if texts[0] else "gained" if texts[1] else "none")
            continue
        assert unit["change"] == ("same" if texts[0][0] == texts[1][0] else "changed")
        assert unit["first_rank"] == (texts[1].index(texts[0][0]) + 1 if texts[0][0] in texts[1] else None)
        for key, inside in (("shared", (True, True)), ("only_first", (True, False)), ("only_second", (False, True))):
            for concept in unit[key]:
                assert tuple(f"/{concept}>" in text[0] for text in texts) == inside
    verdicts = [{v.unit: v for v in o.rows} for o in (loop.sweep.outcomes[0], loop.sweep.outcomes[2])]
    pairs = [(verdicts[0][u].auc, verdicts[1][u].auc) for u in verdicts[0].keys() & verdicts[1].keys()]
    changes = [b - a for a, b in pairs if a is not None and b is not None]
    auc = record["scores"]["auc"]
    assert auc["paired"] == len(changes) >= 2
    assert auc["change_median"] == pytest.approx(np.median(changes), abs=1e-12)
    assert auc["first"]["median"] == pytest.approx(loop.record["settings"][0]["auc_median"])
    assert sum(row["units"] for row in record["verdict_changes"]) == 4


def test_a_run_agrees_with_itself(loop: SimpleNamespace) -> None:
    run = loop.sweep.outcomes[1].run
    record = compare_runs(run, run, loop.kb, loop.kb)
    assert record["settings"] == []
    assert record["changes"]["same"] + record["changes"]["none"] == 4
    assert record["changes"]["same"] == record["first"]["labelled"] > 0
    assert all(row["first"] == row["second"] for row in (*record["verdict_changes"], *record["concepts"]))
    assert (record["scores"]["f1"]["p"], record["scores"]["f1"]["higher"]) == (None, 0)


def test_units_of_another_layer_are_not_matched(loop: SimpleNamespace, tmp_path: Path) -> None:
    acts = write_activations(tmp_path, "other", "pool")
    other = sweep(loop.kb, acts, parse_rules(("80/20",)), tmp_path / "out", options=InductionOptions(max_atoms=2))
    record = compare_runs(loop.sweep.outcomes[0].run, other.outcomes[0].run, loop.kb, loop.kb)
    assert (record["same_layer"], record["units"], record["changes"]) == (False, [], None)
    assert record["scores"]["auc"]["paired"] == 0
    assert record["scores"]["auc"]["second"] is not None
    counted = {c["concept"]: (c["first"], c["second"]) for c in record["concepts"]}
    assert max(counted.values()) >= (1, 1)


@pytest.mark.parametrize(
    "name", ["labels", "confirmed", "gate-and-holm", "reasons", "runs", "unlabelled", "error-margins"]
)
def test_questions_over_several_runs_have_each_answer_once(loop: SimpleNamespace, name: str) -> None:
    """Runs of one layer state the same facts of its units, each in a graph of its own."""
    found = [tuple(row) for row in rows(run_query(loop.kb, name))[1]]
    assert len(found) == len(set(found))
    assert found or name in ("confirmed", "gate-and-holm", "unlabelled")
