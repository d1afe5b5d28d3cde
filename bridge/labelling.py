"""Labelling: one induction for each unit of a layer."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..ontology.errors import UsageError
from ..ontology.iris import ids_by_local_name
from ..ontology.kb import KB
from ..ontology.names import NameTable, local_name
from ..reasoner.atoms import AtomTable, enumerate_atoms
from ..reasoner.bitset import mask
from ..reasoner.counting import Counter, KernelCounter, MakeCounter, UnitCounts
from ..reasoner.interpretation import Interpretation
from ..reasoner.learning import Induction, InductionOptions, induce
from ..reasoner.score import resolve
from .activations import Activations
from .example_rules import Thresholds
from .example_sets import ExampleSet, example_set
from .fingerprint import Fingerprint, Fingerprints

if TYPE_CHECKING:
    from ..reasoner.entailment import Entailment
    from ..reasoner.shared_atoms import SharedAtoms

log = logging.getLogger(__name__)

BLOCK = 256  # units whose atoms are counted at a time, at most
BLOCK_COUNTS = 1 << 23  # pairs of counts held for a block: 64 MB
BLOCK_VALUES = 1 << 24  # activations held while they are turned round: 64 MB

UnitProgress: TypeAlias = Callable[[int, int, int], None]
"""Called with the numbers of units done, in all, and proved optimal."""


@dataclass(frozen=True)
class UnitLabel:
    """What a run found for one unit.

    Attributes
    ----------
    unit
        Index in the layer.
    positives, negatives
        Numbers of example images.
    maximum
        Largest activation on the images used.
    status
        ``labelled``, or why there is no label.
    induction
        The solutions; None without a label.
    fingerprint
        What the solutions depend on; None without a label.
    entailment
        What a reasoner says of each solution, where one was asked.
    """

    unit: int
    positives: int
    negatives: int
    maximum: float
    status: str
    induction: Induction | None
    fingerprint: Fingerprint | None = None
    entailment: tuple[Entailment, ...] = ()

    @property
    def proved(self) -> bool:
        """Whether the solutions are proved to be the best."""
        return self.induction is not None and self.induction.proved_optimal


@dataclass(frozen=True)
class JoinedImages:
    """Images that have both activations and annotations.

    Attributes
    ----------
    dataset
        Name of the data set whose individuals they are.
    interpretation
        Closed-world model of that data set.
    images
        int64: rows of the activation matrix.
    individuals
        int64: the same images as rows of the interpretation.
    missing
        Ids of the images without an individual.
    names
        Names by which the knowledge base calls its entities.
    """

    dataset: str
    interpretation: Interpretation
    images: NDArray[np.int64]
    individuals: NDArray[np.int64]
    missing: tuple[str, ...]
    names: NameTable


def join_images(kb: KB, activations: Activations, dataset: str | None = None) -> JoinedImages:
    """Join activation rows to individuals by image id, the local name of the individual's IRI.

    Without a name, the data set is the only annotated one that has any of the images; if no annotated one has,
    the only ontology source whose own individuals they are.

    Raises
    ------
    UsageError
        No or several data sets have the images, or there is none of this name.
    """
    annotated, sources = kb.graph_ids("abox"), kb.graph_ids("tbox")
    graphs = {**sources, **annotated}
    ids = [image.id for image in activations.images]
    if dataset is not None:
        if dataset not in graphs:
            raise UsageError(
                f"the knowledge base has no data set {dataset!r}",
                where=kb.path,
                expected=f"one of {', '.join(sorted(graphs)) or 'none: annotate images first'}",
            )
        found = {dataset: _individuals_called(kb, graphs[dataset], ids)}
    else:
        found = {}
        for candidates in (annotated, sources):
            having = {name: _individuals_called(kb, graph, ids) for name, graph in candidates.items()}
            found = {name: joined for name, joined in having.items() if joined}
            if found:
                break
    if len(found) > 1:
        listed = ", ".join(f"{name} ({len(joined)} images)" for name, joined in sorted(found.items()))
        raise UsageError(
            f"{len(found)} data sets have images of these activations: {listed}",
            where=kb.path,
            hint="choose one with --dataset",
        )
    joined = next(iter(found.values()), {})
    if not joined:
        raise UsageError(
            "none of the images with activations is an individual of the knowledge base",
            where=kb.path,
            expected=f"individuals called like {', '.join(ids[:3])}",
            hint="annotate the images with `neurontology kb annotate`",
        )
    name = next(iter(found))
    missing = tuple(i for i in ids if i not in joined)
    if missing:
        log.warning(
            "%d of %d images have no annotation in %s and are left out, e.g. %s",
            len(missing),
            len(ids),
            name,
            ", ".join(missing[:3]),
        )
    interpretation = Interpretation(kb.index, {graphs[name], *kb.graph_ids("extension").values()})
    rows = np.asarray([row for row, i in enumerate(ids) if i in joined], np.int64)
    individuals = np.searchsorted(interpretation.individuals, [joined[ids[row]] for row in rows])
    return JoinedImages(name, interpretation, rows, individuals.astype(np.int64), missing, kb.names)


def _individuals_called(kb: KB, graph: int, ids: Iterable[str]) -> dict[str, int]:
    """Individuals of a graph by image id, as far as they are among those asked for."""
    wanted = ids_by_local_name(ids)
    found: dict[str, int] = {}
    for individual in kb.index.individuals_of([graph]):
        name = wanted.get(local_name(kb.index.individuals[int(individual)]))
        if name is not None:
            if name in found:
                raise UsageError(
                    f"two individuals are called {name!r}",
                    where=kb.index.individuals[int(individual)],
                    expected="image ids that are unique within a data set",
                )
            found[name] = int(individual)
    return found


def check_options(options: InductionOptions, thresholds: Thresholds | None = None) -> None:
    """Refuse options that no unit can be labelled with.

    Raises
    ------
    UsageError
        The strategy is that of ECII, or AUROC is asked of a band of activations.
    """
    if thresholds is not None and thresholds.is_band and (resolve(options.score).by_rank or options.rerank):
        raise UsageError(
            f"AUROC is about rising activations, not about the band {thresholds.name}",
            expected="another score, and no --rerank auroc",
        )
    if options.strategy == "ecii":
        raise UsageError(
            "units are not labelled in ECII mode",
            expected="the strategy exact, beam or ripple",
            hint="ECII mode is for problems in files: `neurontology induce --strategy ecii`",
        )


def label_units(
    joined: JoinedImages,
    activations: Activations,
    *,
    units: Sequence[int] | None = None,
    thresholds: Thresholds | None = None,
    options: InductionOptions | None = None,
    jobs: int | None = None,
    progress: UnitProgress | None = None,
    counter: MakeCounter = KernelCounter,
    executor: Executor | None = None,
) -> list[UnitLabel]:
    """Induce a label for each unit from the images of the induction split.

    Parameters
    ----------
    joined
        Images with activations and annotations.
    activations
        The activations.
    units
        Which units; all by default.
    thresholds
        When an image is an example.
    options
        How to search.
    jobs
        Number of threads; the number of cores by default. The result does not depend on it.
    progress
        Called with the numbers of units done, in all, and proved optimal.
    counter
        What counts the atoms for blocks of units, see :func:`~neurontology.reasoner.counting.resolve_device`. The
        result does not depend on it.
    executor
        Who does the work: threads of this process by default, to which `jobs` and `counter` are for; or a cluster, see
        :class:`~neurontology.bridge.cluster.Cluster`. The result does not depend on it.

    Raises
    ------
    UsageError
        A unit does not exist, no image is in the induction split, or the strategy is that of ECII.
    """
    chosen = range(activations.units) if units is None else units
    activations.check_units(chosen)
    layer = LayerProblems(joined, activations, thresholds or Thresholds(), options)
    labels, proved = [], 0
    executor = executor or Threads(jobs or os.cpu_count() or 1, counter)
    for done, result in enumerate(executor.labels(layer, chosen), 1):
        labels.append(result)
        proved += result.proved
        if progress is not None:
            progress(done, len(chosen), proved)
    return labels


class Executor(Protocol):
    """Who induces the labels of a layer's units."""

    def labels(self, layer: LayerProblems, units: Sequence[int]) -> Iterator[UnitLabel]:
        """Yield the labels of the units, in their order."""


@dataclass(frozen=True)
class Threads:
    """Threads of this process.

    Attributes
    ----------
    jobs
        How many.
    counter
        What counts the atoms.
    """

    jobs: int
    counter: MakeCounter = KernelCounter

    def labels(self, layer: UnitProblems, units: Sequence[int]) -> Iterator[UnitLabel]:
        """See :meth:`Executor.labels`; a block is counted while units of the one before are still at work."""
        counter = self.counter(layer.atoms.extents, len(layer.atoms.rows), self.jobs)
        size = block_size(layer)
        waiting: deque[Future[UnitLabel]] = deque()
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                for start in range(0, len(units), size):
                    block = units[start : start + size]
                    counts = layer.counts(block, counter)
                    waiting.extend(pool.submit(layer.label, unit, counts.get(unit)) for unit in block)
                    while len(waiting) > size:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


def block_size(layer: UnitProblems) -> int:
    """Units whose atoms are counted at a time, so that the counts stay small."""
    return max(1, min(BLOCK, BLOCK_COUNTS // len(layer.atoms)))


class UnitProblems:
    """The learning problems of a layer's units, over atoms that they share.

    Parameters
    ----------
    atoms
        The atoms.
    fingerprints
        Fingerprints over the atoms.
    column
        Gives a unit's activations: float32, one for each of the atoms' individuals.
    thresholds, options
        As for :func:`label_units`.
    """

    def __init__(
        self,
        atoms: AtomTable,
        fingerprints: Fingerprints,
        column: Callable[[int], NDArray[np.float32]],
        thresholds: Thresholds,
        options: InductionOptions | None,
    ) -> None:
        self.atoms = atoms
        self.fingerprints = fingerprints
        self.column = column
        self.thresholds = thresholds
        self.options = options
        self._by_rank = options is not None and resolve(options.score).by_rank

    @cached_property
    def shared(self) -> SharedAtoms:
        """The atoms as the searches of all units read them."""
        from ..reasoner.shared_atoms import share_atoms  # compiles or loads the kernels

        return share_atoms(self.atoms.extents, self.atoms.lengths, self.atoms.priorities)

    def counts(self, units: Sequence[int], counter: Counter) -> dict[int, UnitCounts]:
        """True and false positives of the atoms for the units that a search can label and that it needs them for."""
        examples = {} if self._by_rank else {unit: self.examples(unit) for unit in units}
        usable = {unit: e for unit, e in examples.items() if e.usable}
        if not usable:
            return {}
        n = len(self.atoms.rows)
        tp, fp = counter.counts(
            np.vstack([mask(e.positives, n) for e in usable.values()]),
            np.vstack([mask(e.negatives, n) for e in usable.values()]),
        )
        return {unit: UnitCounts(tp[:, k], fp[:, k]) for k, unit in enumerate(usable)}

    def examples(self, unit: int) -> ExampleSet:
        """Positive and negative images of a unit."""
        return example_set(
            self.column(unit),
            positive=self.thresholds.positive,
            negative=self.thresholds.negative,
            min_positives=self.thresholds.min_positives,
            rule=self.thresholds.rule,
        )

    def fingerprint(self, examples: ExampleSet) -> Fingerprint:
        """Fingerprint of the problem that a unit's examples pose."""
        return self.fingerprints.of(examples.positives, examples.negatives, all_images=self._by_rank)

    def label(self, unit: int, counts: UnitCounts | None = None) -> UnitLabel:
        """Induce the label of a unit, of which the counts of the atoms may be known."""
        examples = self.examples(unit)
        status, found = examples.status, None
        if examples.usable:
            found = induce(
                self.atoms,
                examples.positives,
                examples.negatives,
                self.options,
                stream=unit,
                activations=self.column(unit),
                shared=None if self._by_rank else self.shared,
                counts=counts,
            )
            if not found.solutions:
                status, found = f"no expression has the support that {found.options.score} asks for", None
        return UnitLabel(
            unit=unit,
            positives=len(examples.positives),
            negatives=len(examples.negatives),
            maximum=examples.maximum,
            status=status,
            induction=found,
            fingerprint=None if found is None else self.fingerprint(examples),
        )


class LayerProblems(UnitProblems):
    """The learning problems of a layer's units over the images of the induction split.

    Parameters
    ----------
    joined, activations, thresholds, options
        As for :func:`label_units`.

    Attributes
    ----------
    atoms
        The atoms, shared by all units.

    Raises
    ------
    UsageError
        No image is in the induction split, or the strategy is that of ECII.
    """

    def __init__(
        self,
        joined: JoinedImages,
        activations: Activations,
        thresholds: Thresholds,
        options: InductionOptions | None,
    ) -> None:
        if options is not None:
            check_options(options, thresholds)
        used = np.asarray([activations.images[i].split == "induction" for i in joined.images], np.bool_)
        if not used.any():
            raise UsageError(
                "no image is in the induction split", where=activations.path, hint="use a smaller --holdout"
            )
        self._rows, self._values = rows, values = joined.images[used], activations.values
        atoms = enumerate_atoms(joined.interpretation, joined.individuals[used])
        super().__init__(
            atoms,
            Fingerprints.of_layer(atoms, [activations.images[int(row)].id for row in rows], joined.names),
            lambda unit: np.asarray(values[rows, unit]),
            thresholds,
            options,
        )

    def activation_blocks(self, units: NDArray[np.integer]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield the activations of units in one pass over the images: the first image, and images × units."""
        step = max(1, BLOCK_VALUES // self._values.shape[1])
        for start in range(0, len(self._rows), step):
            yield start, self._values[self._rows[start : start + step]][:, units]
