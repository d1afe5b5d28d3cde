"""Cards of a report: all that a page shows of one unit, ready to be printed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..bridge.activation_files import ImageRow
from ..bridge.example_sets import cuts, within
from .report_chart import DistributionChart, distribution_chart
from .report_evidence import Evidence, expression_text
from .report_lineage import Lineage
from .report_methods import AblationView, DescriptionsView, FacetsView, Methods, agreeing
from .report_wording import chance_sentence, counted, short, verdict_kind, verdict_reasons, why_unlabelled
from .verification import VerificationRow

#: Images shown of a unit, at most.
TOP_IMAGES: Final = 8
#: Equivalent expressions shown of a label, at most.
TIES_SHOWN: Final = 12


@dataclass(frozen=True)
class TopImage:
    """One of the images that activate a unit most.

    Attributes
    ----------
    row
        Its row of the activations.
    image
        Its id and class.
    value
        Its activation, as text.
    role
        ``positive``, ``between`` or ``negative`` as an example of the induction, ``held out``, or
        ``not annotated``.
    instance
        Whether it is an instance of the label; None without label or annotation.
    """

    row: int
    image: ImageRow
    value: str
    role: str
    instance: bool | None

    @property
    def description(self) -> str:
        """Its id, with its class if that is known."""
        return f"{self.image.id} ({self.image.label})" if self.image.label else self.image.id


@dataclass(frozen=True)
class UnitCard:
    """What is shown of a unit.

    Attributes
    ----------
    record
        Its record in the run.
    best
        The record's first solution; None without a label.
    row
        Its verification; None where there was none.
    verdict
        A key of `report_wording.VERDICTS`.
    reasons
        Sentences that lead to the verdict, or say why there is no label or no verdict.
    concepts
        Names of the classes in the label.
    images
        The images that activate it most.
    images_note
        What to know about their choice; may be empty.
    chart
        Its activations; None where there is nothing to draw.
    chart_note
        What to know about it; may be empty.
    lineage
        Where the classes of the label stand in the hierarchy; None where there is nothing to draw.
    facets, descriptions
        What the other methods say; None where they were not asked.
    relation
        How near the descriptions are to the label, see `Methods.relation`.
    """

    record: dict[str, Any]
    best: dict[str, Any] | None
    row: VerificationRow | None
    verdict: str
    reasons: tuple[str, ...]
    concepts: tuple[str, ...]
    images: tuple[TopImage, ...]
    images_note: str
    chart: DistributionChart | None
    chart_note: str
    lineage: Lineage | None
    facets: FacetsView | None
    descriptions: DescriptionsView | None
    relation: str
    ablations: tuple[AblationView, ...]

    @property
    def agreement(self) -> str:
        """Whether facets and words name a class of the label, or one above or below it; empty where neither was asked.

        Only descriptions better than chance count, and facets that have a label.
        """
        said = []
        if self.best and self.facets and (labelled := [one for one in self.facets.facets if one.relation]):
            agree = sum(agreeing(one.relation) for one in labelled)
            said.append(f"{agree} of {counted(len(labelled), 'facet')}")
        if self.best and self.relation:
            said.append("its words" if agreeing(self.relation) else "not its words")
        return ", ".join(said)

    @property
    def agrees(self) -> bool:
        """Whether both its facets and its words agree with the label, as far as there are any, and one of them does."""
        facets = [agreeing(one.relation) for one in self.facets.facets if one.relation] if self.facets else []
        words = [agreeing(self.relation)] if self.relation else []
        return bool(self.best and (facets or words)) and (not facets or any(facets)) and all(words)

    @property
    def described(self) -> str:
        """The first of its words that are better than chance; empty without any."""
        found = self.descriptions.descriptions if self.descriptions else ()
        return next((one.text for one in found if one.better), "")

    @property
    def searched(self) -> tuple[str, ...]:
        """What a search of the page goes through: the label, its classes, the labels of its facets, its words."""
        label = [self.best["english"], self.best["manchester"], *self.concepts] if self.best else []
        facets = [one.label for one in self.facets.facets if one.label] if self.facets else []
        words = [one.text for one in self.descriptions.descriptions if one.better] if self.descriptions else []
        return tuple(dict.fromkeys((*label, *facets, *words)))

    @property
    def ties(self) -> list[str]:
        """Expressions with the same instances among the examples as the label, as far as they are shown."""
        return self.best["equivalent"][:TIES_SHOWN] if self.best else []

    @property
    def chance(self) -> str:
        """How the label's score compares with chance; empty if it was not tested."""
        return chance_sentence(self.record)

    @property
    def more_ties(self) -> int:
        """Number of ties that the record holds beyond those shown."""
        return len(self.best["equivalent"]) - len(self.ties) if self.best else 0


def unit_card(evidence: Evidence, record: dict[str, Any], methods: Methods) -> UnitCard:
    """Compile the card of a unit from its record in the run."""
    best = record["solutions"][0] if record["solutions"] else None
    row = evidence.rows.get(record["unit"])
    values = np.asarray(evidence.activations.values[:, record["unit"]], np.float64)
    instances = evidence.instances[expression_text(record)] if best else None
    chosen, note = _top_rows(values, evidence)
    chart, chart_note = _chart(evidence, record, values, instances)
    return UnitCard(
        record=record,
        best=best,
        row=row,
        verdict=verdict_kind(record, row),
        reasons=tuple(_reasons(evidence, record, row)),
        concepts=evidence.concepts[expression_text(record)] if best else (),
        images=tuple(_top_image(evidence, record, values, instances, image) for image in chosen),
        images_note=note,
        chart=chart,
        chart_note=chart_note,
        lineage=evidence.lineages.get(expression_text(record)) if best else None,
        facets=methods.facets.get(record["unit"]),
        descriptions=methods.descriptions.get(record["unit"]),
        relation=methods.relation(record["unit"]),
        ablations=methods.ablations_of(record["unit"]),
    )


def _reasons(evidence: Evidence, record: dict[str, Any], row: VerificationRow | None) -> list[str]:
    if not record["solutions"]:
        reason = why_unlabelled(record)
        return [f"{reason[0].upper()}{reason[1:]}."]
    if row is None:
        return ["No verdict: no annotated image was held out from the induction, so nothing can be tested."]
    return verdict_reasons(row, threshold=evidence.threshold, tested=evidence.tested)


def _top_rows(values: NDArray[np.float64], evidence: Evidence) -> tuple[list[int], str]:
    """Rows of the images with the highest activations above zero, and a note on those that are left out."""
    active = np.flatnonzero(values > 0)
    if not len(active):
        return [], "No image activates this unit."
    # Many units saturate. Among equal activations the order of the files would favour the first folder, a
    # digest of the name favours none.
    names = evidence.activations.images
    ranked = sorted(active.tolist(), key=lambda r: (-values[r], _spread(names[r].id)))
    chosen = ranked[:TOP_IMAGES]
    last = values[chosen[-1]]
    tied = int((values[active] == last).sum())
    shown = sum(values[r] == last for r in chosen)
    if shown == tied:
        return chosen, ""
    return chosen, f"{shown} of the {counted(tied, 'image')} with activation {short(last)}, a fixed arbitrary choice."


def _spread(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()


def _top_image(
    evidence: Evidence,
    record: dict[str, Any],
    values: NDArray[np.float64],
    instances: NDArray[np.bool_] | None,
    row: int,
) -> TopImage:
    low, high = _cuts(evidence, values)
    if not evidence.annotated[row]:
        role = "not annotated"
    elif evidence.held_out[row]:
        role = "held out"
    elif evidence.run.config.thresholds.is_band:
        role = "positive" if within(values[row : row + 1], low, high)[0] else "negative"
    elif values[row] >= high and values[row] > 0:
        role = "positive"
    else:
        role = "negative" if values[row] <= low else "between"
    known = instances is not None and evidence.annotated[row]
    return TopImage(
        row=row,
        image=evidence.activations.images[row],
        value=short(values[row]),
        role=role,
        instance=bool(instances[row]) if known and instances is not None else None,
    )


def _cuts(evidence: Evidence, values: NDArray[np.float64]) -> tuple[float, float]:
    """Activations up to which an image was a negative example of the unit and from which it was a positive one."""
    limits = evidence.run.config.thresholds
    used = values[evidence.annotated & ~evidence.held_out]
    return cuts(used, positive=limits.positive, negative=limits.negative, rule=limits.rule)


def _chart(
    evidence: Evidence,
    record: dict[str, Any],
    values: NDArray[np.float64],
    instances: NDArray[np.bool_] | None,
) -> tuple[DistributionChart | None, str]:
    """Draw the held-out images of a labelled unit, all images where there is no label or none was held out."""
    if values.min() == values.max():
        return None, f"All {counted(len(values), 'activation')} equal {short(values[0])}."
    limits, maximum = evidence.run.config.thresholds, record["maximum"]
    marks = [] if limits.is_band else [(evidence.threshold, "gate")]
    if maximum > 0:
        low, high = _cuts(evidence, values)
        shares = limits.rule == "maximum"
        ends = [(low, "band from"), (high, "band to")]
        if not limits.is_band:
            ends = [
                (low, f"{limits.negative:g} max" if shares else "negative"),
                (high, f"{limits.positive:g} max" if shares else "positive"),
            ]
        marks += [end for end in ends if np.isfinite(end[0])]
    axis = f"activation ({evidence.activations.meta.reduce})"
    if instances is None:
        induction = values[~evidence.held_out]
        return (
            distribution_chart(
                induction,
                values[evidence.held_out],
                marks=marks,
                axis=axis,
                captions=("induction image", "held-out image"),
            ),
            "All images: there is no label to tell target images from others.",
        )
    if evidence.rows:
        used, axis, note = evidence.held_out & evidence.annotated, f"{axis} of held-out images", ""
    else:
        used, note = evidence.annotated, "The images that the label was induced from: this is no test of it."
    return distribution_chart(values[used & instances], values[used & ~instances], marks=marks, axis=axis), note
