"""Labels by AUROC against raw activations, and solutions put in its order."""

import dataclasses
import itertools
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from neurontology.bridge.activations import Activations
from neurontology.bridge.example_rules import Thresholds
from neurontology.bridge.labelling import LayerProblems, UnitLabel, join_images, label_units
from neurontology.bridge.recording import record_run
from neurontology.bridge.run import label_writer as make_writer
from neurontology.bridge.run import save_run, unit_record
from neurontology.bridge.update import updated_labels
from neurontology.kb_build.annotate import annotate
from neurontology.kb_build.annotation import AnnotatedImage, AnnotatedObject
from neurontology.ontology.kb import KB
from neurontology.ontology.vocabulary import nl
from neurontology.reasoner.bitset import unpack
from neurontology.reasoner.interpretation import Interpretation
from neurontology.reasoner.learning import InductionOptions
from sklearn.metrics import roc_auc_score

RANDOM_UNIT = 4


@pytest.fixture(scope="module")
def loop(small_loop: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Activations]:
    folder = tmp_path_factory.mktemp("auroc")
    return small_loop.write_kb(folder), small_loop.write_activations(folder)


def label(kb: KB, activations: Activations, jobs: int | None = None, **options: object) -> list[UnitLabel]:
    joined = join_images(kb, activations)
    return label_units(joined, activations, options=InductionOptions(**options), jobs=jobs)


def save(out: Path, kb: KB, activations: Activations, labels: list[UnitLabel], options: InductionOptions):
    return save_run(
        out,
        kb,
        activations,
        join_images(kb, activations),
        labels,
        units=None,
        thresholds=Thresholds(),
        options=options,
        started=datetime(2026, 1, 2, tzinfo=UTC),
        elapsed_seconds=1.0,
    )


def induction_images(kb: KB, activations: Activations) -> tuple[Interpretation, np.ndarray, np.ndarray]:
    """Model, individuals and activation rows of the images that labels are made from."""
    joined = join_images(kb, activations)
    used = np.array([activations.images[i].split == "induction" for i in joined.images])
    return joined.interpretation, joined.individuals[used], joined.images[used]


def test_every_solution_has_the_auroc_of_its_expression_over_all_images(loop: tuple[Path, Activations]) -> None:
    kb, activations = KB.open(loop[0]), loop[1]
    model, individuals, images = induction_images(kb, activations)
    for score in ("f1", "auroc@0.1"):
        for unit in label(kb, activations, score=score, max_atoms=2, top=4):
            for solution in unit.induction.solutions if unit.induction else ():
                members = model.retrieve(solution.expression)[individuals]
                values = np.asarray(activations.values[images, unit.unit])
                if members.all() or not members.any():
                    assert solution.auroc is None
                else:
                    assert solution.auroc == pytest.approx(roc_auc_score(members, values), abs=1e-12)
                if score != "f1":
                    assert solution.score == solution.auroc
                    assert 0.1 <= members.mean() <= 0.9


def test_the_best_by_auroc_is_the_best_of_all_pairs(loop: tuple[Path, Activations]) -> None:
    kb, activations = KB.open(loop[0]), loop[1]
    problems = LayerProblems(join_images(kb, activations), activations, Thresholds(), None)
    n = len(problems.atoms.rows)
    atoms = unpack(problems.atoms.extents, n)
    literals = [*atoms, *~atoms]
    _, _, images = induction_images(kb, activations)
    found = {u.unit: u for u in label(kb, activations, score="auroc@0.1", max_atoms=2, top=1)}
    for unit in (0, 1, RANDOM_UNIT):
        values = np.asarray(activations.values[images, unit])
        best = max(
            roc_auc_score(members, values)
            for a, b in itertools.product(literals, repeat=2)
            for members in (a & b, a | b)
            if 0.1 * n <= members.sum() <= 0.9 * n
        )
        assert found[unit].induction is not None
        assert found[unit].induction.proved_optimal
        assert found[unit].induction.solutions[0].score == pytest.approx(best, abs=1e-12)


def test_a_unit_without_an_expression_of_the_support_gets_no_label(loop: tuple[Path, Activations]) -> None:
    kb, activations = KB.open(loop[0]), loop[1]
    for unit in label(kb, activations, score="auroc@0.5", max_atoms=1, operators=("and",)):
        assert unit.induction is None
        assert unit.fingerprint is None
        assert unit.status != "labelled"
    assert "support" in label(kb, activations, score="auroc@0.5", max_atoms=1, operators=("and",))[0].status


def test_ranking_again_orders_the_same_solutions_by_auroc(loop: tuple[Path, Activations]) -> None:
    kb, activations = KB.open(loop[0]), loop[1]
    moved = 0
    plain, again = (label(kb, activations, max_atoms=2, top=6, rerank=r) for r in (None, "auroc"))
    for before, after in zip(plain, again, strict=True):
        if before.induction is None:
            continue
        first, second = before.induction.solutions, after.induction.solutions
        assert {s.expression for s in first} == {s.expression for s in second}
        assert [s.rank for s in second] == list(range(1, len(second) + 1))
        expected = sorted(first, key=lambda s: -1 if s.auroc is None else s.auroc, reverse=True)
        assert [s.expression for s in second] == [s.expression for s in expected]
        moved += [s.expression for s in second] != [s.expression for s in first]
    assert moved


def test_threads_change_nothing_and_the_score_is_recorded(loop: tuple[Path, Activations], tmp_path: Path) -> None:
    kb, activations = KB.open(loop[0], writable=True), loop[1]
    options = InductionOptions(score="auroc@0.1", max_atoms=3, top=3)
    runs = [
        save(tmp_path / f"run{j}", kb, activations, label(kb, activations, j, **dataclasses.asdict(options)), options)
        for j in (1, 2)
    ]
    assert runs[0].digest == runs[1].digest
    assert runs[0].units == runs[1].units
    record_run(kb, runs[0])
    recorded = sorted(float(t.object.value) for t in kb.statements(nl("auroc")))
    assert recorded == sorted(s["auroc"] for u in runs[0].units for s in u["solutions"])


@pytest.mark.parametrize("score", ["f1", "auroc@0.1"])
def test_an_image_in_neither_set_is_induced_again(
    score: str, small_loop: ModuleType, loop: tuple[Path, Activations], tmp_path: Path
) -> None:
    activations = loop[1]
    kb = KB.open(small_loop.write_kb(tmp_path), writable=True)
    options = InductionOptions(score=score, max_atoms=2, top=3)
    run = save(tmp_path / "run", kb, activations, label(kb, activations, **dataclasses.asdict(options)), options)
    _, _, images = induction_images(kb, activations)
    values = np.asarray(activations.values[images, RANDOM_UNIT])
    middle = images[np.flatnonzero((values > 0.3 * values.max()) & (values < 0.7 * values.max()))[0]]
    changed = [
        AnnotatedImage(
            f"im{i}",
            None,
            tuple(AnnotatedObject(str(j), (o,)) for j, o in enumerate(["dog", "car"] if i == middle else objects)),
        )
        for i, objects in enumerate(small_loop.contents())
    ]
    (tmp_path / "other").mkdir()
    other = KB.open(small_loop.write_kb(tmp_path / "other"), writable=True)
    annotate(other, changed, dataset="toy", origin="test")
    update = updated_labels(run, other, activations)
    fresh = label(other, activations, **dataclasses.asdict(options))
    writer = make_writer(other)
    assert [x.record if hasattr(x, "record") else unit_record(x, writer) for x in update.labels] == [
        unit_record(x, writer) for x in fresh
    ]
