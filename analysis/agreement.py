"""Agreement: where the words that describe a unit lie in the hierarchy, seen from the classes induced for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..bridge.run import Run, read_expression
from ..ontology.errors import DataError, UsageError
from ..ontology.expression import And, AtLeast, ClassExpression, Named, Or, Some, normal_form
from ..ontology.kb import KB

RELATIONS = ("equal", "under", "above", "sibling", "unrelated")
"""Where a described class lies, seen from an induced one; the nearest relation first."""

AGREEING = 3
"""How many of the relations, from the first on, count as agreement."""

#: What reading a record raises that has not the keys or values of ours.
_ODD: Final = (AttributeError, KeyError, TypeError, ValueError)


@dataclass(frozen=True)
class Pair:
    """A described class beside the induced class that it is nearest to.

    Attributes
    ----------
    text, described, induced
        The words, their class, and the class of the label or facet.
    relation
        One of `RELATIONS`.
    """

    text: str
    described: str
    induced: str
    relation: str


@dataclass(frozen=True)
class UnitAgreement:
    """One unit.

    Attributes
    ----------
    unit
        Index in the layer.
    label
        English of its label; None for facets.
    pairs
        Each description that has a class, with its nearest induced class.
    """

    unit: int
    label: str | None
    pairs: tuple[Pair, ...]

    @property
    def relation(self) -> str:
        """The nearest relation of any description."""
        return min((pair.relation for pair in self.pairs), key=RELATIONS.index)

    def to_json(self) -> dict[str, Any]:
        """Return the record that ``agree --json`` prints."""
        return {
            "unit": self.unit,
            "label": self.label,
            "relation": self.relation,
            "pairs": [
                {"text": p.text, "class": p.described, "induced": p.induced, "relation": p.relation} for p in self.pairs
            ],
        }


@dataclass(frozen=True)
class LayerAgreement:
    """Agreement over a layer, beside what shuffled descriptions give.

    Attributes
    ----------
    units
        Units that have induced classes and descriptions with a class.
    counts
        Units by their nearest relation.
    agreeing
        Share of the units whose relation is equal, under or above; None without units.
    chance
        Mean of that share where the descriptions are those of another unit; None without units.
    p
        (1 + shuffles with as large a share) / (1 + shuffles); None without units.
    without_label, without_description
        Units that are left out: without induced classes, and without a described class.
    """

    units: tuple[UnitAgreement, ...]
    counts: dict[str, int]
    agreeing: float | None
    chance: float | None
    p: float | None
    without_label: int
    without_description: int

    def to_json(self) -> dict[str, Any]:
        """Return the record that ``agree --json`` prints."""
        return {
            "units": [unit.to_json() for unit in self.units],
            "counts": self.counts,
            "agreeing": self.agreeing,
            "chance": self.chance,
            "p": self.p,
            "without_label": self.without_label,
            "without_description": self.without_description,
        }


class Kinship:
    """Relations between classes of a knowledge base."""

    def __init__(self, kb: KB) -> None:
        self._index = kb.index
        self._above: dict[str, NDArray[np.int32]] = {}

    @cached_property
    def _roots(self) -> frozenset[int]:
        return frozenset(self._index.hierarchy.roots.tolist())

    def relation(self, described: str, induced: str) -> str:
        """Where a class lies seen from another one: one of `RELATIONS`.

        Classes on one cycle are equal; siblings have a direct super-class in common that is not a root.

        Raises
        ------
        DataError
            If the knowledge base lacks one of them.
        """
        first, second = self._number(described), self._number(induced)
        under, above = self._is_under(described, second), self._is_under(induced, first)
        if first == second or (under and above):
            return "equal"
        if under or above:
            return "under" if under else "above"
        parents = self._index.hierarchy.parents
        common = set(parents[[first]].indices.tolist()) & set(parents[[second]].indices.tolist())
        return "sibling" if common - self._roots else "unrelated"

    def _is_under(self, iri: str, number: int) -> bool:
        if iri not in self._above:
            self._above[iri] = self._index.hierarchy.ancestors(self._number(iri))
        return bool(np.isin(number, self._above[iri]))

    def _number(self, iri: str) -> int:
        number = self._index.classes.id(iri)
        if number is None:
            raise DataError(
                "the knowledge base has no such class",
                where=iri,
                expected="the knowledge base that labels and descriptions were made with",
            )
        return int(number)


def positive_classes(expression: ClassExpression) -> tuple[str, ...]:
    """Classes that an expression says something is, not those that it says something is not, sorted.

    Examples
    --------
    >>> positive_classes(Or((Named("urn:b"), Named("urn:a"))))
    ('urn:a', 'urn:b')
    """
    found: dict[str, None] = {}

    def collect(part: ClassExpression) -> None:
        match part:
            case Named():
                found[part.iri] = None
            case And() | Or():
                for operand in part.operands:
                    collect(operand)
            case Some() | AtLeast():
                collect(part.filler)

    collect(normal_form(expression))
    return tuple(sorted(found))


def agree(
    induced: Mapping[int, tuple[str | None, Sequence[str]]],
    described: Mapping[int, Sequence[tuple[str, str]]],
    kb: KB,
    *,
    shuffles: int = 999,
    seed: int = 0,
) -> LayerAgreement:
    """Compare the classes induced for units with those that describe them.

    Parameters
    ----------
    induced
        For each unit the English of its label and the classes in it.
    described
        For each unit its descriptions better than chance: text and class.
    kb
        The knowledge base.
    shuffles, seed
        How often the descriptions are given to other units at random, and the seed.
    """
    kinship = Kinship(kb)
    units = sorted(unit for unit in induced if induced[unit][1] and described.get(unit))
    found = []
    for unit in units:
        label, classes = induced[unit]
        pairs = tuple(_nearest(kinship, text, iri, classes) for text, iri in described[unit])
        found.append(UnitAgreement(unit, label, pairs))
    counts = {relation: sum(one.relation == relation for one in found) for relation in RELATIONS}
    share, chance, p = _shuffled(kinship, induced, described, units, shuffles, seed)
    everyone = set(induced) | set(described)
    return LayerAgreement(
        tuple(found),
        counts,
        share,
        chance,
        p,
        sum(not induced.get(unit, (None, ()))[1] for unit in everyone),
        sum(not described.get(unit) for unit in everyone),
    )


def _nearest(kinship: Kinship, text: str, described: str, induced: Sequence[str]) -> Pair:
    pairs = [Pair(text, described, iri, kinship.relation(described, iri)) for iri in induced]
    return min(pairs, key=lambda pair: (RELATIONS.index(pair.relation), pair.induced))


def _shuffled(
    kinship: Kinship,
    induced: Mapping[int, tuple[str | None, Sequence[str]]],
    described: Mapping[int, Sequence[tuple[str, str]]],
    units: Sequence[int],
    shuffles: int,
    seed: int,
) -> tuple[float | None, float | None, float | None]:
    """Share of agreeing units; its mean and p-value over shuffles of the descriptions."""
    if not units:
        return None, None, None
    labels = [frozenset(induced[unit][1]) for unit in units]
    words = [frozenset(iri for _, iri in described[unit]) for unit in units]
    distinct_labels, distinct_words = sorted(set(labels), key=sorted), sorted(set(words), key=sorted)
    kin = {
        (label, word): RELATIONS.index(kinship.relation(word, label)) < AGREEING
        for label in frozenset[str]().union(*labels)
        for word in frozenset[str]().union(*words)
    }
    table = np.asarray(
        [[any(kin[a, b] for a in label for b in word) for word in distinct_words] for label in distinct_labels]
    )
    rows = np.asarray([distinct_labels.index(label) for label in labels])
    columns = np.asarray([distinct_words.index(word) for word in words])
    share = float(table[rows, columns].mean())
    generator = np.random.default_rng(seed)
    shares = np.asarray([table[rows, generator.permutation(columns)].mean() for _ in range(shuffles)])
    return share, float(shares.mean()), float((1 + (shares >= share - 1e-12).sum()) / (1 + shuffles))


def induced_by_run(run: Run) -> dict[int, tuple[str | None, tuple[str, ...]]]:
    """Label and classes of the best expression of each unit of a run."""
    found: dict[int, tuple[str | None, tuple[str, ...]]] = {}
    for record in run.units:
        expression = run.best_expression(record)
        label = record["solutions"][0]["english"] if expression is not None else None
        found[record["unit"]] = (label, () if expression is None else positive_classes(expression))
    return found


def induced_by_facets(path: Path, layer: str) -> dict[int, tuple[str | None, tuple[str, ...]]]:
    """Classes of the labels of each unit's facets, from the output of ``facets --json``.

    Raises
    ------
    UsageError
        If the file does not exist or is not of this layer.
    DataError
        If it is broken.
    """
    record = layer_of(load_record(path, "facets"), layer, path)
    found: dict[int, tuple[str | None, tuple[str, ...]]] = {}
    try:
        for unit in record["units"]:
            labels = [facet["label"] for facet in unit.get("facets", ()) if facet.get("label")]
            classes = {iri for label in labels for iri in positive_classes(read_expression(label["expression"]))}
            found[int(unit["unit"])] = ("; ".join(label["english"] for label in labels) or None, tuple(sorted(classes)))
    except _ODD as problem:
        raise DataError(f"is no output of `facets --json` ({problem!r})", where=path) from problem
    return found


def read_descriptions(path: Path, layer: str) -> dict[int, list[tuple[str, str]]]:
    """Descriptions better than chance that have a class, from the output of ``describe --json``.

    Raises
    ------
    UsageError
        If the file does not exist, or has no descriptions of this layer.
    DataError
        If it is broken.
    """
    record = load_record(path, "describe")
    try:
        layers = [one["layer"] for one in record["layers"]]
        alpha = float(record["alpha"])
        found = {
            int(unit["unit"]): [
                (one["text"], one["class"]) for one in unit["descriptions"] if one["class"] and one["p"] <= alpha
            ]
            for unit in record["units"]
            if unit.get("layer", layer) == layer
        }
    except _ODD as problem:
        raise DataError(f"is no output of `describe --json` ({problem!r})", where=path) from problem
    if layer not in layers:
        raise UsageError(
            f"describes no layer {layer!r}",
            where=path,
            expected=f"descriptions of the run's layer, not of {', '.join(layers)}",
        )
    return found


def layer_of(record: Mapping[str, Any], layer: str, path: Path) -> Mapping[str, Any]:
    """Record of one layer in the output of ``facets --json``; `UsageError` if it is not in there."""
    layers: Iterable[Mapping[str, Any]] = record.get("layers", [record])
    found = [one for one in layers if isinstance(one, Mapping) and one.get("layer") == layer]
    if not found:
        raise UsageError(f"has no layer {layer!r}", where=path, expected="facets of the run's layer")
    return found[0]


def load_record(path: Path, command: str) -> Mapping[str, Any]:
    """Read the JSON document that a command wrote.

    Raises
    ------
    UsageError
        If the file does not exist.
    DataError
        If it is no JSON object.
    """
    if not path.is_file():
        raise UsageError("the file does not exist", where=path, expected=f"the output of `{command} --json`")
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as problem:
        raise DataError(f"broken JSON: {problem.msg}", where=f"{path}:{problem.lineno}") from problem
    except UnicodeDecodeError as problem:
        raise DataError("not UTF-8 text", where=path) from problem
    if not isinstance(loaded, dict):
        raise DataError(f"is no output of `{command} --json`", where=path)
    return loaded
