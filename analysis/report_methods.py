"""What other methods say of a report's units: facets, descriptions, ablations, from the store or from files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..bridge.activations import Activations
from ..bridge.run import Run, read_expression
from ..ontology.errors import DataError, UsageError
from ..ontology.kb import KB
from .agreement import AGREEING, RELATIONS, Kinship, layer_of, load_record, positive_classes
from .facet_files import FACETS, layer_folders
from .recorded_methods import RecordedAblation, recorded_methods
from .report_wording import counted

#: Whole images shown of a facet or a description, at most.
EXAMPLES: Final = 6
#: Classes of images named for a facet, at most.
CLASSES: Final = 3
#: Ablations shown of a unit, at most.
ABLATIONS: Final = 3


@dataclass(frozen=True)
class FacetView:
    """A facet as a card shows it.

    Attributes
    ----------
    number
        Its number in the unit, from 1.
    images
        Number of images in it.
    classes
        The classes of most of them, with numbers.
    label, syntax
        Its label in English and in Manchester syntax; empty without one.
    verdict
        A key of `report_wording.VERDICTS`; empty where facets were not labelled.
    reason
        Why there is no label or no clear verdict; may be empty.
    relation
        Where its classes lie, seen from those of the unit's label: one of `agreement.RELATIONS`, or empty.
    rows
        Rows of the activations: images of the facet, the most exciting first, `EXAMPLES` at most.
    """

    number: int
    images: int
    classes: str
    label: str
    syntax: str
    verdict: str
    reason: str
    relation: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class FacetsView:
    """The facets of a unit.

    Attributes
    ----------
    measures
        Its selectivity in a sentence.
    facets
        What its images were divided into; empty where that was not asked for this unit.
    """

    measures: str
    facets: tuple[FacetView, ...]


@dataclass(frozen=True)
class DescriptionView:
    """A description as a card shows it.

    Attributes
    ----------
    text
        The words.
    better
        Whether they score better than chance.
    p
        The p-value, corrected for the choice among the texts.
    explained
        Number of patches that they explain and no earlier description does.
    auc, annotated_auc
        On held-out images: of the scorer, and by the annotations; None where unknown.
    share, random_share
        Shares of the pixels of the unit's and of random patches that show the class, by masks; None where unknown.
    relation
        Where their class lies, seen from the classes of the unit's label: one of `agreement.RELATIONS`, or empty.
    rows
        Rows of the activations: images whose patches they explain, `EXAMPLES` at most.
    """

    text: str
    better: bool
    p: float
    explained: int
    auc: float | None
    annotated_auc: float | None
    share: float | None
    random_share: float | None
    relation: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class DescriptionsView:
    """The descriptions of a unit.

    Attributes
    ----------
    status
        Why there is none, or none better than chance; empty otherwise.
    patches
        Number of patches that were described.
    descriptions
        The descriptions.
    """

    status: str
    patches: int
    descriptions: tuple[DescriptionView, ...]


@dataclass(frozen=True)
class AblationView:
    """What the network loses without the units of a concept, as a page shows it.

    Attributes
    ----------
    concept
        Name of the class.
    found
        The numbers.
    """

    concept: str
    found: RecordedAblation

    @property
    def at(self) -> str:
        """What the units are held at."""
        return "their means" if self.found.held_at == "mean" else "zero"


@dataclass(frozen=True)
class Methods:
    """What facets, descriptions and ablations say of a run's units.

    Attributes
    ----------
    facets, descriptions
        By unit; empty where none are recorded and no file was given.
    sheets
        Picture with the patches of a unit's facets, by unit, see `facet_pictures.draw_units`.
    facets_of
        What facets were made of: ``patches`` or ``images``; empty without facets.
    scorer, vocabulary
        What described the units; empty without descriptions.
    alpha
        Largest p of a description that is better than chance.
    ablations
        Concepts whose units were silenced, the largest drop first.
    """

    facets: dict[int, FacetsView]
    descriptions: dict[int, DescriptionsView]
    sheets: dict[int, Path]
    facets_of: str
    scorer: str
    vocabulary: str
    alpha: float
    ablations: tuple[AblationView, ...]

    def ablations_of(self, unit: int) -> tuple[AblationView, ...]:
        """Ablations that silence a unit, those of the fewest units first, `ABLATIONS` at most."""
        own = [one for one in self.ablations if unit in one.found.units]
        return tuple(sorted(own, key=lambda one: len(one.found.units))[:ABLATIONS])

    @property
    def rows(self) -> Iterable[int]:
        """Rows of the images that are shown whole, some of them several times."""
        for facets in self.facets.values():
            for facet in facets.facets:
                yield from facet.rows
        for described in self.descriptions.values():
            for one in described.descriptions:
                yield from one.rows

    def relation(self, unit: int) -> str:
        """Nearest relation of a unit's description better than chance to its label; empty without one."""
        found = self.descriptions.get(unit)
        relations = [one.relation for one in found.descriptions if one.relation and one.better] if found else []
        return min(relations, key=RELATIONS.index) if relations else ""


def agreeing(relation: str) -> bool:
    """Whether a relation counts as agreement: equal, under or above.

    Examples
    --------
    >>> agreeing("above"), agreeing("sibling"), agreeing("")
    (True, False, False)
    """
    return relation in RELATIONS[:AGREEING]


def read_methods(
    run: Run, kb: KB, activations: Activations, *, facets: Path | None = None, descriptions: Path | None = None
) -> Methods:
    """Read what `facets`, `describe` and `ablate` found for the layer of a run.

    The record is the store: what these commands wrote into the knowledge base for the run's activations. Files are for
    what is not recorded there, and for the pictures of patches, which no store holds.

    Parameters
    ----------
    run, kb, activations
        The run and what it was made from.
    facets
        Directory written by ``facets --out``, or a file with the output of ``facets --json``, in place of the store.
    descriptions
        File written by ``describe --out``, in place of the store.

    Raises
    ------
    UsageError
        If a file does not exist or is not of the run's layer.
    DataError
        If a file is broken, or speaks of other images or units.
    """
    reader = _Reader(run, kb, activations)
    recorded = recorded_methods(kb, activations)
    stored = Path(kb.path or "the knowledge base")
    facet_views: dict[int, FacetsView] = {}
    sheets: dict[int, Path] = {}
    facets_of = ""
    if facets is not None:
        file = facets / FACETS if facets.is_dir() else facets
        whole = load_record(file, "facets")
        record = layer_of(whole, run.config.layer, file)
        reader.require_model(record, file)
        facet_views = reader.facets(record, file)
        facets_of = str(record.get("facets_of", ""))
        if facets.is_dir():
            layers = [one.get("layer") for one in whole.get("layers", [whole])]
            folder = facets / layer_folders(layers)[layers.index(run.config.layer)] / "units"
            named = {unit: folder / f"unit-{unit}-patches.png" for unit in facet_views}
            sheets = {unit: path for unit, path in named.items() if path.is_file()}
    elif recorded.facets is not None:
        facet_views = reader.facets(recorded.facets, stored)
        facets_of = recorded.facets["facets_of"]
    described: dict[int, DescriptionsView] = {}
    scorer, vocabulary, alpha = "", "", 0.0
    words = recorded.descriptions if descriptions is None else load_record(descriptions, "describe")
    if words is not None:
        place = descriptions or stored
        reader.require_model(words, place)
        described = reader.descriptions(words, place)
        scorer, vocabulary, alpha = str(words["scorer"]), str(words["vocabulary"]), float(words["alpha"])
    ablations = tuple(AblationView(kb.names.label(one.concept), one) for one in recorded.ablations)
    return Methods(facet_views, described, sheets, facets_of, scorer, vocabulary, alpha, ablations)


class _Reader:
    """Turns records into what cards show."""

    def __init__(self, run: Run, kb: KB, activations: Activations) -> None:
        self._run = run
        self._kinship = Kinship(kb)
        self._rows = {image.id: row for row, image in enumerate(activations.images)}
        self._labels = {
            record["unit"]: positive_classes(expression)
            for record in run.units
            if (expression := run.best_expression(record)) is not None
        }

    def require_model(self, record: Mapping[str, Any], path: Path) -> None:
        if record.get("model") != self._run.config.model:
            raise UsageError(
                f"is of the model {record.get('model')!r}",
                where=path,
                expected=f"the run's, {self._run.config.model!r}",
            )

    def facets(self, record: Mapping[str, Any], path: Path) -> dict[int, FacetsView]:
        wanted = {unit["unit"] for unit in self._run.units}
        try:
            return {
                int(unit["unit"]): FacetsView(
                    _measures(unit), tuple(self._facet(unit["unit"], facet, path) for facet in unit.get("facets", ()))
                )
                for unit in record["units"]
                if unit["unit"] in wanted
            }
        except (KeyError, TypeError, AttributeError) as problem:
            raise DataError(f"is no output of `facets --json` ({problem!r})", where=path) from problem

    def _facet(self, unit: int, facet: Mapping[str, Any], path: Path) -> FacetView:
        label, verdict = facet.get("label"), facet.get("verdict")
        kind = reason = ""
        if label is None:
            if "status" in facet:
                kind, reason = "unlabelled", str(facet["status"])
        elif verdict is None:
            kind = "unverified"
        else:
            kind, _, reason = str(verdict["verdict"]).partition(": ")
        classes = list(facet["classes"].items())
        named = ", ".join(f"{name or 'no class'} {number}" for name, number in classes[:CLASSES])
        more = f", {counted(len(classes) - CLASSES, 'other class', 'other classes')}" if len(classes) > CLASSES else ""
        return FacetView(
            number=int(facet["facet"]),
            images=int(facet["images"]),
            classes=named + more,
            label=str(label["english"]) if label else "",
            syntax=str(label["manchester"]) if label else "",
            verdict=kind,
            reason=reason,
            relation=self._relation(unit, _affirmed(label)) if label else "",
            rows=self._shown(facet["members"], path),
        )

    def descriptions(self, record: Mapping[str, Any], path: Path) -> dict[int, DescriptionsView]:
        layer = self._run.config.layer
        try:
            layers = [one["layer"] for one in record["layers"]]
            if layer not in layers:
                raise UsageError(f"describes no layer {layer!r}", where=path, expected=f"not {', '.join(layers)}")
            alpha, _, _ = float(record["alpha"]), record["scorer"], record["vocabulary"]
            return {
                int(unit["unit"]): DescriptionsView(
                    status="" if unit["status"] == "described" else str(unit["status"]),
                    patches=int(unit["patches"]),
                    descriptions=tuple(
                        self._description(unit["unit"], one, alpha, path) for one in unit["descriptions"]
                    ),
                )
                for unit in record["units"]
                if unit.get("layer", layer) == layer
            }
        except (KeyError, TypeError, AttributeError) as problem:
            raise DataError(f"is no output of `describe --json` ({problem!r})", where=path) from problem

    def _description(self, unit: int, one: Mapping[str, Any], alpha: float, path: Path) -> DescriptionView:
        under = one.get("under_patches")
        return DescriptionView(
            text=str(one["text"]),
            better=one["p"] <= alpha,
            p=float(one["p"]),
            explained=int(one["explained"]),
            auc=one["auc"],
            annotated_auc=one["annotated_auc"],
            share=under["share"] if under else None,
            random_share=under["chance"] if under else None,
            relation=self._relation(unit, (one["class"],)) if one["class"] else "",
            rows=self._shown(one["images"], path),
        )

    def _relation(self, unit: int, classes: Sequence[str]) -> str:
        """Nearest relation of any of some classes to any that the unit's label affirms."""
        relations = [self._kinship.relation(one, induced) for one in classes for induced in self._labels.get(unit, ())]
        return min(relations, key=RELATIONS.index) if relations else ""

    def _shown(self, ids: Sequence[str], path: Path) -> tuple[int, ...]:
        unknown = next((one for one in ids if one not in self._rows), None)
        if unknown is not None:
            raise DataError(
                f"the run's activations have no image {unknown!r}",
                where=path,
                expected="facets and descriptions made from the activations of the run",
            )
        return tuple(self._rows[one] for one in ids[:EXAMPLES])


def _affirmed(label: Mapping[str, Any]) -> Sequence[str]:
    """Classes that the label of a facet affirms: named by the store, in the expression of a file."""
    concepts: Sequence[str] | None = label.get("concepts")
    return positive_classes(read_expression(label["expression"])) if concepts is None else concepts


def _measures(unit: Mapping[str, Any]) -> str:
    """Say how selective a unit is for the classes of images."""
    if unit["gini"] is None:
        return "No image excites this unit."
    sentence = f"Sparsity {unit['gini']:.2f}, flatness {unit['flatness']:.2f} over the classes of its top images"
    if unit["p"] is None or unit["faceted"] == "neither":
        return f"{sentence}."
    few = "more" if unit["faceted"] == "multi" else "fewer"
    p = unit["p"] if unit["faceted"] == "multi" else 1 - unit["p"]
    return f"{sentence}: {few} classes than the layer’s other units look for (p\u00a0=\u00a0{p:.3f})."
