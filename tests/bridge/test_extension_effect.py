"""Runs brought up to date after an extension: equal to full runs, without searching where nothing changed."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from neurontology.bridge.activations import Activations
from neurontology.bridge.extension_effect import extension_effect
from neurontology.bridge.fingerprint import Fingerprints
from neurontology.bridge.recording import record_run
from neurontology.bridge.run import Run, open_run
from neurontology.bridge.update import update_run
from neurontology.ontology.errors import UsageError
from neurontology.ontology.expression import Named
from neurontology.ontology.kb import KB
from neurontology.ontology.names import NameTable
from neurontology.ontology.overlay import Overlay
from neurontology.ontology.vocabulary import LABEL, SUBCLASS
from neurontology.reasoner.atoms import AtomTable, pack
from neurontology.reasoner.learning import InductionOptions, induce
from pyoxigraph import Literal, NamedNode, Triple

EX = "http://example.org/"
START = datetime(2026, 1, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(small_loop: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("effect")
    kb = KB.open(small_loop.write_kb(path), writable=True)
    record_run(kb, small_loop.label(kb, small_loop.write_activations(path), path / "run"))
    return path


def link(child: str, parent: str) -> Triple:
    return Triple(NamedNode(EX + child), SUBCLASS, NamedNode(EX + parent))


EXTENSIONS = {
    "nothing that images show": [link("Ship", "Vehicle"), link("Boat", "Ship")],
    "a class between": [link("Car", "Motorised"), link("Bus", "Motorised"), link("Motorised", "Vehicle")],
    "a class across": [link("Tree", "Green"), link("Flower", "Green"), link("Dog", "Green")],
    "a class for one": [link("Dog", "Animal")],
    "a name": [Triple(NamedNode(EX + "Tree"), LABEL, Literal("great plant"))],
    "two branches joined": [link("Vehicle", "Made"), link("Dog", "Made"), link("Tree", "Grown")],
}


def update(run: Run, kb: KB, activations: Activations, out: Path) -> tuple[Run, tuple[int, ...]]:
    return update_run(run, kb, activations, out, started=START, clock=lambda: 1.0)


@pytest.mark.parametrize("name", EXTENSIONS)
def test_an_update_is_a_full_run(small_loop: ModuleType, folder: Path, tmp_path: Path, name: str) -> None:
    kb, activations, run = KB.open(folder / "kb"), Activations.open(folder / "acts"), open_run(folder / "run")
    changed = Overlay(kb, "extension", "e", EXTENSIONS[name])
    full = small_loop.label(changed, activations, tmp_path / "full")
    updated, induced = update(run, changed, activations, tmp_path / "updated")
    assert updated.units == full.units
    assert updated.fingerprints == full.fingerprints
    assert updated.digest == full.digest
    assert (tmp_path / "updated" / "labels.json").read_bytes() == (tmp_path / "full" / "labels.json").read_bytes()
    labelled = {u["unit"] for u in run.units if u["solutions"]}
    if name == "nothing that images show":
        assert induced == ()
    if name == "a name":
        assert set(induced) == labelled
    assert list(open_run(tmp_path / "updated").units) == [dict(u) for u in full.units]


def test_the_same_knowledge_needs_no_search(folder: Path, tmp_path: Path) -> None:
    kb, activations, run = KB.open(folder / "kb"), Activations.open(folder / "acts"), open_run(folder / "run")
    updated, induced = update(run, kb, activations, tmp_path / "updated")
    assert induced == ()
    assert updated.digest == run.digest


def test_other_activations_are_refused(small_loop: ModuleType, folder: Path, tmp_path: Path) -> None:
    kb, run = KB.open(folder / "kb"), open_run(folder / "run")
    other = small_loop.write_activations(tmp_path, "other")
    wrong = replace(run, config=replace(run.config, activations_digest="0" * 64))
    with pytest.raises(UsageError, match="not the activations of the run"):
        update(wrong, kb, other, tmp_path / "updated")


def test_the_effect_names_the_units_whose_best_label_changes(folder: Path, tmp_path: Path) -> None:
    kb = KB.open(folder / "kb")
    none = extension_effect(
        kb, Overlay(kb, "extension", "e", EXTENSIONS["nothing that images show"]), digest_before=kb.digest
    )
    assert (none.changes, none.notes) == ((), ())
    between = Overlay(kb, "extension", "e", EXTENSIONS["a class between"])
    effect = extension_effect(kb, between, digest_before=kb.digest)
    first = effect.changes[0]
    assert (first.unit, first.layer) == (0, "dense")
    assert (first.before, first.after) == ("an image that contains a vehicle", "an image that contains a motorised")
    assert first.run == str(folder / "run")
    assert 1 not in {c.unit for c in effect.changes}
    assert extension_effect(kb, between, digest_before="other").notes[0].endswith("`neurontology label --update`")


def test_a_run_that_is_gone_is_said_not_hidden(small_loop: ModuleType, tmp_path: Path) -> None:
    kb = KB.open(small_loop.write_kb(tmp_path), writable=True)
    run = small_loop.label(kb, small_loop.write_activations(tmp_path), tmp_path / "run")
    record_run(kb, run)
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    effect = extension_effect(kb, Overlay(kb, "extension", "e", [link("Dog", "Animal")]), digest_before=kb.digest)
    assert effect.changes == ()
    assert "are not compared" in effect.notes[0]


def table(extents: np.ndarray, lengths: np.ndarray, names: list[str]) -> AtomTable:
    return AtomTable(
        rows=np.arange(extents.shape[1]),
        expressions=tuple(Named(n) for n in names),
        equivalents=tuple(() for _ in names),
        extents=pack(extents),
        lengths=np.asarray(lengths, np.int32),
        priorities=np.arange(len(names), dtype=np.int64),
    )


def test_equal_fingerprints_mean_equal_answers() -> None:
    """Tables that differ by atoms which do not count: longer doubles on the examples, and none of these."""
    rng = np.random.default_rng(11)
    for _ in range(40):
        images = 30
        extents = np.unique(rng.random((12, images)) < 0.4, axis=0)
        names = [f"{EX}A{i}" for i in range(len(extents))]
        lengths = rng.integers(1, 3, len(extents))
        split = rng.permutation(images)
        positives, negatives = np.sort(split[:6]), np.sort(split[6:20])
        unused = split[20:]
        double = extents[3].copy()
        double[unused] ^= True
        other = np.zeros(images, bool)
        other[unused] = True
        at = int(rng.integers(0, len(extents) + 1))
        wide = np.insert(extents, at, double, axis=0)
        wide = np.vstack([wide, other])
        more = [*names[:at], f"{EX}Double", *names[at:], f"{EX}Nowhere"]
        long = np.append(np.insert(lengths, at, lengths[3] + 1), 1)
        ids = [f"im{i}" for i in range(images)]
        tables = (table(extents, lengths, names), table(wide, long, more))
        prints = [Fingerprints.of_layer(t, ids, NameTable()).of(positives, negatives) for t in tables]
        options = InductionOptions(max_atoms=2, top=4)
        answers = [induce(t, positives, negatives, options) for t in tables]
        assert prints[0].atoms == prints[1].atoms
        assert prints[0].absent != prints[1].absent
        assert [s.expression for s in answers[0].solutions] == [s.expression for s in answers[1].solutions]
        assert [s.equivalent for s in answers[0].solutions] == [s.equivalent for s in answers[1].solutions]
        shifted = table(np.vstack([extents[1:], extents[:1]]), np.roll(lengths, -1), [*names[1:], names[0]])
        assert Fingerprints.of_layer(shifted, ids, NameTable()).of(positives, negatives).atoms != prints[0].atoms
