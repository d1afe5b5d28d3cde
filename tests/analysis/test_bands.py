"""Labels of bands of activations on a small loop, against definitions applied image by image."""

import csv
import json
from dataclasses import replace
from math import comb
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from neurontology.analysis.band_plot import draw_bands
from neurontology.analysis.band_verification import verify_band
from neurontology.analysis.bands import label_bands
from neurontology.analysis.comparison import recorded_verdicts
from neurontology.analysis.lineup import line_up
from neurontology.analysis.report import write_report
from neurontology.analysis.run_verification import verification_settings, verify_run
from neurontology.analysis.sweep import sweep
from neurontology.analysis.verdict_record import verdict_records
from neurontology.analysis.verification import PUBLISHED_CRITERIA
from neurontology.bridge.activations import Activations
from neurontology.bridge.example_rules import parse_bands, parse_rules
from neurontology.bridge.importers import import_activations
from neurontology.bridge.labelling import join_images, label_units
from neurontology.bridge.run import open_run
from neurontology.bridge.update import updated_labels
from neurontology.kb_build.annotate import annotate
from neurontology.kb_build.annotation import AnnotatedImage, AnnotatedObject
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.errors import UsageError
from neurontology.ontology.kb import KB
from neurontology.ontology.sparql import rows, run_query
from neurontology.ontology.vocabulary import vocabulary_turtle
from neurontology.reasoner.learning import InductionOptions
from pyoxigraph import NamedNode, RdfFormat, parse

TBOX = """
@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
:Car a owl:Class . :Tree a owl:Class . :Dog a owl:Class . :Cup a owl:Class .
"""
OBJECTS = ("car", "tree", "dog", "cup")
IMAGES = 240
NL = "https://w3id.org/neurontology/"
BANDS = ("10-40", "40-70", "70-100")


def contents() -> list[list[str]]:
    rng = np.random.default_rng(11)
    return [[o for o in OBJECTS if rng.random() < 0.3] for _ in range(IMAGES)]


def activation(shown: list[str], noise: np.ndarray) -> tuple[float, ...]:
    """Unit 0 answers to dogs weakly, to trees moderately, to cars strongly; 1 to cars; 2 never; 3 at random."""
    first = 9 if "car" in shown else 5.5 if "tree" in shown else 2.5 if "dog" in shown else 0
    return first * (0.95 + 0.1 * noise[0]), ("car" in shown) * 4 + 4 * noise[1], 0.0, 9 * noise[2]


@pytest.fixture(scope="module")
def loop(tmp_path_factory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("bands")
    (folder / "toy.ttl").write_text(TBOX)
    build_owl([folder / "toy.ttl"], folder / "kb")
    kb = KB.open(folder / "kb", writable=True)
    images = [
        AnnotatedImage(f"im{i}", None, tuple(AnnotatedObject(str(j), (o,)) for j, o in enumerate(objects)))
        for i, objects in enumerate(contents())
    ]
    annotate(kb, images, dataset="toy", origin="test")
    rng = np.random.default_rng(12)
    with (folder / "acts.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([0, 1, 2, 3, "Class_names", "Filenames"])
        for i, objects in enumerate(contents()):
            writer.writerow([*(f"{v:.4f}" for v in activation(objects, rng.random(3))), "toy", f"im{i}.jpg"])
    acts = import_activations(folder / "acts.csv", folder / "acts", holdout=0.5, seed=1, layer="dense")
    options = InductionOptions(max_atoms=2, top=3)
    record = label_bands(kb, acts, parse_bands(",".join(BANDS)), folder / "out", options=options, jobs=1)
    return SimpleNamespace(folder=folder, kb=kb, acts=acts, record=record, options=options)


def values_of(acts: Activations, unit: int, split: str) -> list[tuple[float, list[str]]]:
    """Activations with what the image shows."""
    shown = contents()
    return [
        (float(acts.values[row, unit]), shown[int(image.id[2:])])
        for row, image in enumerate(acts.images)
        if image.split == split
    ]


def fisher(a: int, n: int, b: int, m: int) -> float:
    """P(at least `a` of `n` targets) when `a + b` of all images lie in the band."""
    return sum(comb(n, k) * comb(m, a + b - k) for k in range(a, min(n, a + b) + 1)) / comb(n + m, a + b)


def test_each_band_gets_the_label_of_the_images_in_it(loop: SimpleNamespace) -> None:
    first = {row["band"]: row for row in loop.record["units"][0]["bands"]}
    assert list(first) == list(BANDS)
    assert first["70-100"]["label"] == "an image that contains a car"
    assert first["40-70"]["dl"] == "¬∃ imageContains.Car ⊓ ∃ imageContains.Tree"
    assert [row["verdict"] for row in first.values()] == ["confirmed"] * 3
    assert len(loop.record["units"][0]["confirmed"]) == 3
    assert all(row["status"].startswith("never fires") for row in loop.record["units"][2]["bands"])
    for unit in loop.record["units"]:
        assert set(unit["confirmed"]) == {row["label"] for row in unit["bands"] if row["verdict"] == "confirmed"}
    # Chance has labels in every band, and none of them holds.
    assert [row["verdict"] for row in loop.record["units"][3]["bands"]] == ["rejected"] * 3
    confirmed = [len(unit["confirmed"]) for unit in loop.record["units"]]
    assert loop.record["confirmed_labels"] == [confirmed.count(n) for n in range(max(confirmed) + 1)]


def test_numbers_of_a_band_follow_from_the_images(loop: SimpleNamespace) -> None:
    seen, held = (values_of(loop.acts, 0, split) for split in ("induction", "holdout"))
    top = max(v for v, _ in seen)
    row = loop.record["units"][0]["bands"][1]
    assert (row["low"], row["high"]) == pytest.approx((0.4 * top, 0.7 * top))
    inside = [row["low"] <= v < row["high"] for v, _ in seen]
    assert (row["positives"], row["negatives"]) == (sum(inside), len(inside) - sum(inside))
    # The label is a tree and no car.
    target = ["tree" in shown and "car" not in shown for _, shown in held]
    band = [row["low"] <= v < row["high"] for v, _ in held]
    a, n = sum(b for b, t in zip(band, target, strict=True) if t), sum(target)
    b, m = sum(band) - a, len(band) - n
    assert row["target_images"] == n
    assert row["target_percent"] == pytest.approx(100 * a / n)
    assert row["non_target_percent"] == pytest.approx(100 * b / m)
    assert row["auc"] == pytest.approx((a / n + 1 - b / m) / 2)
    assert row["p"] == pytest.approx(fisher(a, n, b, m), rel=1e-6, abs=0)
    assert loop.record["units"][0]["bands"][2]["high"] is None


def test_p_values_are_adjusted_over_all_bands_and_units(loop: SimpleNamespace) -> None:
    tested = [row for unit in loop.record["units"] for row in unit["bands"] if row["p"] is not None]
    ordered = sorted(tested, key=lambda row: row["p"])
    assert len(ordered) >= 4
    highest = 0.0
    for place, row in enumerate(ordered):
        highest = max(highest, min(1.0, (len(ordered) - place) * row["p"]))
        assert row["p_holm"] == pytest.approx(highest)
        assert row["verdict"] == ("confirmed" if highest < 0.05 and row["auc"] > 0.5 else "rejected")
    for row in loop.record["bands"]:
        same = [r for r in tested if r["band"] == row["band"]]
        assert (row["tested"], row["confirmed"]) == (len(same), sum(r["verdict"] == "confirmed" for r in same))
        assert row["target_percent_median"] == pytest.approx(np.median([r["target_percent"] for r in same]))
        assert row["non_target_percent_median"] == pytest.approx(np.median([r["non_target_percent"] for r in same]))


def test_ranges_by_k_means_find_the_three_levels(loop: SimpleNamespace, tmp_path: Path) -> None:
    record = label_bands(loop.kb, loop.acts, parse_bands("3"), tmp_path / "out", units=[0], options=loop.options)
    found, levels = record["units"][0]["bands"], loop.record["units"][0]["bands"]
    assert [row["band"] for row in found] == ["1of3", "2of3", "3of3"]
    # The levels 2.5, 5.5 and 9 lie far apart, so both ways to cut give the same examples, hence labels.
    assert [(row["positives"], row["dl"]) for row in found] == [(row["positives"], row["dl"]) for row in levels]
    assert (found[0]["low"], found[0]["high"]) == (0.0, found[1]["low"])


def test_a_band_is_a_run_that_can_be_verified_and_updated(loop: SimpleNamespace) -> None:
    run = open_run(loop.folder / "out" / "40-70")
    assert (run.config.thresholds.name, run.config.thresholds.rule) == ("40-70", "band")
    alone = {row.unit: row for row in verify_run(run, loop.kb, loop.acts)}
    for unit in loop.record["units"]:
        row = unit["bands"][1]
        if row["p"] is not None:
            assert (alone[unit["unit"]].p, alone[unit["unit"]].auc) == (row["p"], row["auc"])
            assert alone[unit["unit"]].gate is None
    recorded = recorded_verdicts(loop.kb, run)
    told = {unit["unit"]: unit["bands"][1]["verdict"] for unit in loop.record["units"]}
    assert {unit: found.verdict for unit, found in recorded.items()} == {u: v for u, v in told.items() if v}
    reasons = verdict_records(list(alone.values()), run)[0]["reasons"]
    assert "lie in the band, which begins at" in reasons[0]
    assert "one-sided Fisher's exact" in reasons[1]
    assert "band" in verification_settings(run, PUBLISHED_CRITERIA)["test"]
    assert updated_labels(run, loop.kb, loop.acts).induced == ()


def test_the_report_shows_the_band(loop: SimpleNamespace, tmp_path: Path) -> None:
    run = open_run(loop.folder / "out" / "40-70")
    write_report(run, loop.kb, loop.acts, tmp_path / "page")
    page = next((tmp_path / "page").glob("*.html")).read_text()
    assert "positive from 0.4 to below 0.7 of the unit’s maximum, negative all others" in page
    assert "band from" in page
    assert "band to" in page


def test_bands_can_be_asked_for_in_sparql(loop: SimpleNamespace) -> None:
    query = f"""
    SELECT DISTINCT ?band ?from ?share ?name WHERE {{
      ?b a nl:ActivationBand ; rdfs:label ?band ; nl:ofUnit/nl:unitNumber 0 ; nl:bandFrom ?from ;
         nl:verdict "confirmed" ; nl:nonTargetPercent ?share ; nl:label/skos:prefLabel ?name ;
         dct:isPartOf/nl:digest "{loop.record["sweep"]}" .
    }} ORDER BY ?from"""
    _, found = rows(run_query(loop.kb, f"PREFIX dct: <http://purl.org/dc/terms/>\n{query}", {}))
    told = [(r[0].value, float(r[1].value), float(r[2].value), r[3].value) for r in found]
    bands = loop.record["units"][0]["bands"]
    assert told == [(r["band"], r["low"], r["non_target_percent"], r["label"]) for r in bands]
    (entry,) = [e for e in loop.kb.entries if e.name == f"{loop.record['sweep'][:24]}-bands"]
    terms = {
        term.value
        for quad in loop.kb.content(entry)
        for term in (quad.predicate, quad.object)
        if isinstance(term, NamedNode) and term.value.startswith(NL) and "/" not in term.value.removeprefix(NL)
    }
    described = {quad.subject.value for quad in parse(vocabulary_turtle(), format=RdfFormat.TURTLE)}
    assert len(terms) >= 12
    assert terms <= described


def test_the_same_bands_again_are_the_same_bytes(loop: SimpleNamespace, tmp_path: Path) -> None:
    before = {entry.iri: entry.digest for entry in loop.kb.entries}
    bands = parse_bands(",".join(BANDS))
    again = label_bands(loop.kb, loop.acts, bands, tmp_path / "out", options=loop.options, jobs=2)
    assert {entry.iri: entry.digest for entry in loop.kb.entries} == before
    written = json.loads((loop.folder / "out" / "bands.json").read_text())
    assert written == loop.record
    for row in (*again["bands"], *written["bands"]):
        row.pop("run")
    assert again == written
    first, second = (draw_bands(loop.record, tmp_path / f"{n}.svg").read_bytes() for n in "ab")
    assert first == second
    assert all(name in first.decode() for name in BANDS)


def test_calls_that_make_no_sense_are_refused(loop: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="80/20 is no band"):
        label_bands(loop.kb, loop.acts, parse_rules(("80/20",)), tmp_path / "x")
    with pytest.raises(UsageError, match="10-40: the labels of bands are judged by lying in the band"):
        sweep(loop.kb, loop.acts, parse_rules(("80/20", "10-40")), tmp_path / "x")
    with pytest.raises(UsageError, match="judged by lying in the band"):
        sweep(loop.kb, loop.acts, parse_rules(("10-40",)), tmp_path / "x", combined=2)
    joined = join_images(loop.kb, loop.acts)
    for options in (InductionOptions(score="auroc"), replace(loop.options, rerank="auroc")):
        with pytest.raises(UsageError, match="not about the band 10-40"):
            label_units(joined, loop.acts, thresholds=parse_rules(("10-40",))[0], options=options)
    assert not (tmp_path / "x").exists()


def test_bands_side_by_side_have_no_gate(loop: SimpleNamespace) -> None:
    runs = [open_run(loop.folder / "out" / name) for name in BANDS]
    record = line_up(runs, [loop.kb] * 3)
    assert [row["gate"] for row in record["runs"]] == [None] * 3
    assert [row["confirmed"] for row in record["runs"]] == [row["confirmed"] for row in loop.record["bands"]]


@pytest.mark.parametrize(("others", "verdict"), [(3, "untestable"), (4, "confirmed")])
def test_too_few_images_for_fishers_test_are_untestable(others: int, verdict: str) -> None:
    values = np.array([3.0] * 3 + [9.0] * others)
    row = verify_band(values, values < 5, unit=0, label="lamp", low=2.0, high=5.0)
    assert row.verdict.split(":")[0] == verdict
    assert row.p == (None if verdict == "untestable" else pytest.approx(1 / comb(3 + others, 3)))
