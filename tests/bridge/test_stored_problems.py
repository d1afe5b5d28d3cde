"""Stored problems are labelled as they would be here, in memory that does not grow with the images."""

import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from neurontology.bridge import fingerprint, labelling
from neurontology.bridge.activations import Activations
from neurontology.bridge.example_rules import Thresholds
from neurontology.bridge.fingerprint import Fingerprints
from neurontology.bridge.labelling import LayerProblems, UnitLabel, UnitProblems, join_images
from neurontology.bridge.stored_problems import open_problems, store_problems
from neurontology.ontology.errors import UsageError
from neurontology.ontology.expression import Named
from neurontology.ontology.kb import KB
from neurontology.ontology.names import NameTable
from neurontology.reasoner import literals
from neurontology.reasoner.atoms import AtomTable
from neurontology.reasoner.learning import InductionOptions


@pytest.fixture(scope="module")
def loop(small_loop: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[KB, Activations]:
    folder = tmp_path_factory.mktemp("stored")
    small_loop.write_kb(folder)
    return KB.open(folder / "kb"), small_loop.write_activations(folder)


def timeless(labels: list[UnitLabel]) -> list[UnitLabel]:
    return [
        label if label.induction is None else replace(label, induction=replace(label.induction, elapsed_seconds=0.0))
        for label in labels
    ]


@pytest.mark.parametrize("score", ["f1", "auroc"])
def test_stored_problems_are_those_they_were(
    loop: tuple[KB, Activations], tmp_path: Path, score: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelling, "BLOCK_VALUES", 35)  # seven images at a time
    kb, activations = loop
    options = InductionOptions(score=score, permutations=3 if score == "f1" else 0, rerank="auroc")
    layer = LayerProblems(join_images(kb, activations), activations, Thresholds(), options)
    store_problems(layer, [4, 1, 3, 0, 1], tmp_path)
    stored = open_problems(tmp_path)
    expected = [layer.label(unit) for unit in (0, 1, 3, 4)]
    assert timeless([stored.label(unit) for unit in (0, 1, 3, 4)]) == timeless(expected)
    assert sum(label.induction is not None for label in expected) > 1
    assert list(stored.atoms.expressions) == list(layer.atoms.expressions)
    assert list(stored.atoms.equivalents) == list(layer.atoms.equivalents)


def test_problems_of_another_version_are_refused(loop: tuple[KB, Activations], tmp_path: Path) -> None:
    kb, activations = loop
    store_problems(LayerProblems(join_images(kb, activations), activations, Thresholds(), None), [0], tmp_path)
    header = tmp_path / "problems.json"
    header.write_text(json.dumps({**json.loads(header.read_text()), "neurontology": "0.0.1"}))
    with pytest.raises(UsageError, match=r"0\.0\.1"):
        open_problems(tmp_path)
    header.unlink()
    with pytest.raises(UsageError, match="no stored problems"):
        open_problems(tmp_path)


class Synthetic(UnitProblems):
    """One unit over many images, 64 or a multiple; a fifth of them, or most, are negative."""

    def __init__(self, images: int, share: float, atoms: int = 400) -> None:
        rng = np.random.default_rng(3)
        words = rng.integers(0, 1 << 64, (3, atoms, images // 64), np.uint64)
        extents = words[0] & words[1] & words[2]
        column = np.full(images, 0.5, np.float32)
        column[rng.random(images) < share] = 0
        column[:9] = 1
        table = AtomTable(
            rows=np.arange(images),
            expressions=tuple(Named(f"http://example.org/{i}") for i in range(atoms)),
            equivalents=((),) * atoms,
            extents=extents,
            lengths=np.ones(atoms, np.int32),
            priorities=np.arange(atoms),
        )
        prints = Fingerprints.of_layer(table, [f"im{i}" for i in range(images)], NameTable())
        options = InductionOptions(max_atoms=2, top=3)
        super().__init__(table, prints, lambda unit: column, Thresholds(), options)

    def activation_blocks(self, units: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        yield 0, np.stack([self.column(int(unit)) for unit in units], axis=1)


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_what_a_label_takes_does_not_grow_with_the_images(
    share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(literals, "MOST_COPIED", 1 << 14)
    monkeypatch.setattr(fingerprint, "BLOCK_BYTES", 1 << 14)
    peaks, sizes = [], []
    for images in (6_400, 64_000):
        folder = tmp_path / str(images)
        folder.mkdir()
        store_problems(Synthetic(images, share, atoms=2000), [0], folder)  # type: ignore[arg-type]
        problems = open_problems(folder)
        problems.label(0)  # loads the kernels
        tracemalloc.start()
        assert problems.label(0).induction is not None
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        sizes.append(problems.atoms.extents.nbytes)
    # The rows of the atoms take 250 bytes more for each image; what is not mapped a few numbers, however many atoms.
    assert sizes[1] - sizes[0] == (64_000 - 6_400) * 250
    assert peaks[1] - peaks[0] < (64_000 - 6_400) * 80


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_rows_that_are_not_copied_change_nothing(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Synthetic(3200, share)
    expected = timeless([layer.label(0)])
    monkeypatch.setattr(literals, "MOST_COPIED", 0)
    monkeypatch.setattr(fingerprint, "BLOCK_BYTES", 1000)
    assert timeless([layer.label(0)]) == expected
