"""Ensembles: groups of units labelled on their joint activation, and compared with their members.

A group is labelled as if it were a unit (`unit_groups.joint_activation`), by the same search on the same images, and
so are its members. The labels are tested on the held-out images, all together: Holm's adjustment is over the groups and
the members. A group's label is *better* if its AUC is above the AUC of each member for the member's own label. These
are different labels, and a narrower one is easier to tell; whether the group tells its label better than a single
unit would is the other comparison, with the AUC of each member for the group's label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final, Literal, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray

from ..bridge.activations import Activations
from ..bridge.example_rules import Thresholds
from ..bridge.labelling import JoinedImages, UnitLabel, UnitProgress, label_units
from ..bridge.run import label_writer, unit_record
from ..ontology.errors import UsageError
from ..ontology.kb import KB
from ..reasoner.learning import InductionOptions
from .coactivation import CoactivationSearch, CoactiveGroup, coactive_pairs, coactive_triples, excited
from .correlation import (
    CorrelatedGroup,
    CorrelationSearch,
    correlated_clusters,
    correlated_pairs,
    correlated_triples,
    correlations,
)
from .unit_groups import Joint, UnitGroup, check_members, joint_activation, shares
from .verdict_record import verdict_records
from .verification import PUBLISHED_CRITERIA, Criteria, VerificationRow, adjust, passes_test, verify_unit

FindBy: TypeAlias = Literal["coactivation", "correlation", "clusters"]
"""How groups are found: the same images excite the members, the members' activations correlate, or a tree is cut."""

#: Size of the groups that are searched, where none is asked for; of clusters, the largest.
SIZES: Final[dict[FindBy, int]] = {"coactivation": 2, "correlation": 2, "clusters": 8}


@dataclass(frozen=True)
class Member:
    """A unit of a group.

    Attributes
    ----------
    label
        Its own label; `unit` is its number in the layer.
    row
        What held-out images say about its own label; None without a label.
    auc_for_group
        AUC of its activation for the label of the group; None where the group's is undefined.
    """

    label: UnitLabel
    row: VerificationRow | None
    auc_for_group: float | None


@dataclass(frozen=True)
class Ensemble:
    """A group, its label, and how both do beside the members.

    Attributes
    ----------
    group
        The units.
    label
        The label of their joint activation. Its `unit` is no number in the layer.
    row
        What held-out images say about the label; None without one.
    members
        In the order of the group.
    """

    group: UnitGroup
    label: UnitLabel
    row: VerificationRow | None
    members: tuple[Member, ...]

    @property
    def gain(self) -> float | None:
        """AUC of the group's label above the best AUC of a member for its own; None if one is not known."""
        own = [member.row.auc for member in self.members if member.row is not None and member.row.auc is not None]
        if self.row is None or self.row.auc is None or len(own) < len(self.members):
            return None
        return _difference(self.row.auc, max(own))

    @property
    def gain_same_label(self) -> float | None:
        """AUC of the group's label above the best AUC of a member for that very label; None if it is not known."""
        others = [member.auc_for_group for member in self.members if member.auc_for_group is not None]
        if self.row is None or self.row.auc is None or len(others) < len(self.members):
            return None
        return _difference(self.row.auc, max(others))

    @property
    def better(self) -> bool | None:
        """Whether the group's label verifies better than each member's; None if one is not known."""
        return None if self.gain is None else self.gain > 0


def _difference(auc: float, other: float) -> float:
    # An AUC is a fraction of pairs of images; what is left of equal ones by rounding is no difference.
    return round(auc - other, 12) + 0.0  # no negative zero


def check_find_by(how: str) -> FindBy:
    """Give the way to find groups of this name.

    Raises
    ------
    UsageError
        There is none.
    """
    for way in get_args(FindBy):
        if how == way:
            return cast("FindBy", way)
    raise UsageError(f"groups are not found by {how!r}", expected=" or ".join(get_args(FindBy)))


def find_groups(
    joined: JoinedImages,
    activations: Activations,
    *,
    count: int,
    by: FindBy = "coactivation",
    size: int | None = None,
    units: Sequence[int] | None = None,
    thresholds: Thresholds | None = None,
) -> CoactivationSearch | CorrelationSearch:
    """Find groups of units by their activations on the images of the induction split.

    Parameters
    ----------
    joined, activations
        As for :func:`~neurontology.bridge.labelling.label_units`.
    count
        Number of groups wanted.
    by
        ``coactivation``: pairs or triples that the same images excite, see `coactivation`. ``correlation``: pairs or
        triples of the largest correlation, ``clusters``: clusters of units by average linkage, see `correlation`.
    size
        Units of a group: 2 or 3; of clusters the most units, 2 or more. By default `SIZES`.
    units
        Units to choose among; all by default.
    thresholds
        For co-activation: an image excites a unit from the share `positive` of its maximum; a group needs
        `min_positives` of them.

    Raises
    ------
    UsageError
        The way, the size or the rule of the thresholds is another, a unit does not exist, or no image is for induction.
    """
    size = SIZES[check_find_by(by)] if size is None else size
    if by != "clusters" and size not in (2, 3):
        raise UsageError(
            f"groups of {size} units are not searched by {by}",
            expected="2 or 3",
            hint="name them, or look for clusters",
        )
    chosen = list(range(activations.units)) if units is None else sorted(set(units))
    if len(chosen) < (2 if by == "clusters" else size):
        raise UsageError(
            f"{len(chosen)} unit{'' if len(chosen) == 1 else 's'} cannot make a group of {size}",
            expected="as many units as a group has, or more",
        )
    activations.check_units(chosen)
    images, _ = _rows(joined, activations, "induction")
    if by == "coactivation":
        return _coactive(activations, images, chosen, size=size, count=count, limits=thresholds or Thresholds())
    r = correlations(activations.values, images, np.asarray(chosen, np.int64))
    if by == "clusters":
        found = correlated_clusters(r, count=count, largest=size)
    else:
        found = (correlated_pairs if size == 2 else correlated_triples)(r, count=count)
    return replace(found, groups=tuple(replace(g, group=_of_layer(g.group, chosen)) for g in found.groups))


def _coactive(
    activations: Activations,
    images: NDArray[np.int64],
    chosen: Sequence[int],
    *,
    size: int,
    count: int,
    limits: Thresholds,
) -> CoactivationSearch:
    if limits.rule != "maximum":
        raise UsageError(f"co-activation is not defined by the rule {limits.rule!r}", expected="maximum")
    values = np.asarray(activations.values[images], np.float64)[:, chosen]
    exciting = excited(shares(values, values.max(axis=0)), limits.positive)
    search = coactive_pairs if size == 2 else coactive_triples
    found = search(exciting, count=count, min_support=limits.min_positives)
    return replace(found, groups=tuple(replace(g, group=_of_layer(g.group, chosen)) for g in found.groups))


def _of_layer(group: UnitGroup, chosen: Sequence[int]) -> UnitGroup:
    return UnitGroup(tuple(chosen[unit] for unit in group.members))


def compare_groups(
    joined: JoinedImages,
    activations: Activations,
    groups: Sequence[UnitGroup],
    *,
    how: Joint = "minimum",
    thresholds: Thresholds | None = None,
    options: InductionOptions | None = None,
    criteria: Criteria = PUBLISHED_CRITERIA,
    jobs: int | None = None,
    progress: UnitProgress | None = None,
    kb: KB,
) -> list[Ensemble]:
    """Label groups and their members, and test all labels on the held-out images.

    Parameters
    ----------
    joined, activations, thresholds, options, jobs, progress
        As for :func:`~neurontology.bridge.labelling.label_units`.
    groups
        The groups, at least one.
    how
        What the activation of a group is.
    criteria
        How to judge. A threshold must be 0 or a share of the maximum: a group's activation is a share, a unit's is not.
    kb
        Knowledge base of the images, for the wording of the labels.

    Raises
    ------
    UsageError
        A unit does not exist, no image was held out or is for induction, or the threshold is an activation.
    """
    check_members(groups, activations.units)
    if criteria.threshold and not criteria.relative:
        raise UsageError(
            f"the threshold {criteria.threshold:g} is an activation, and a group has shares of maxima",
            expected="0 or a share of the maximum such as 20%",
        )
    units = sorted({unit for group in groups for unit in group.members})
    at = {unit: column for column, unit in enumerate(units)}
    induction, _ = _rows(joined, activations, "induction")
    held_out, individuals = _rows(joined, activations, "holdout")
    own = np.asarray(activations.values[:, units], np.float64)
    relative = shares(own, own[induction].max(axis=0))
    joint = [joint_activation(relative[:, [at[u] for u in group.members]], how) for group in groups]
    columns = np.column_stack([own, *joint])
    # Members first, then groups, as the units of a layer.
    layer = replace(activations, values=columns, meta=replace(activations.meta, units=columns.shape[1]))
    labels = label_units(joined, layer, thresholds=thresholds, options=options, jobs=jobs, progress=progress)
    writer = label_writer(kb)
    names, targets = [], []
    for label in labels:
        best = label.induction.solutions[0].expression if label.induction is not None else None
        targets.append(None if best is None else joined.interpretation.retrieve(best)[individuals])
        names.append("" if best is None else str(unit_record(label, writer)["solutions"][0]["english"]))
    tested = [column for column, target in enumerate(targets) if target is not None]
    rows = adjust(
        _test(columns[held_out, column], targets[column], labels[column], names[column], criteria) for column in tested
    )
    row_of = dict(zip(tested, rows, strict=True))
    found = []
    for number, group in enumerate(groups, len(units)):
        members = []
        for unit in group.members:
            column = at[unit]
            shown = row_of.get(number)
            other = None
            if shown is not None and shown.auc is not None:
                other = _test(columns[held_out, column], targets[number], labels[column], names[number], criteria).auc
            members.append(Member(replace(labels[column], unit=unit), _renumbered(row_of.get(column), unit), other))
        found.append(Ensemble(group, labels[number], row_of.get(number), tuple(members)))
    return found


def _rows(joined: JoinedImages, activations: Activations, split: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the activation matrix and individuals of the annotated images of one half."""
    wanted = np.asarray([activations.images[i].split == split for i in joined.images], np.bool_)
    if not wanted.any():
        raise UsageError(
            f"no annotated image is in the {split} split",
            where=activations.path,
            hint="extract or import the activations with another --holdout",
        )
    return joined.images[wanted], joined.individuals[wanted]


def _test(
    values: NDArray[np.float64],
    target: NDArray[np.bool_] | None,
    label: UnitLabel,
    name: str,
    criteria: Criteria,
) -> VerificationRow:
    return verify_unit(
        values,
        np.zeros(len(values), np.bool_) if target is None else target,
        unit=label.unit,
        label=name,
        criteria=criteria,
        maximum=label.maximum,
    )


def _renumbered(row: VerificationRow | None, unit: int) -> VerificationRow | None:
    return None if row is None else replace(row, unit=unit)


def ensembles_record(
    ensembles: Sequence[Ensemble],
    activations: Activations,
    kb: KB,
    *,
    dataset: str,
    how: Joint,
    criteria: Criteria,
    search: CoactivationSearch | CorrelationSearch | None = None,
) -> dict[str, Any]:
    """Give the document that ``ensembles --json`` prints.

    Each group has its members, the label record of a unit with ``label``, the ``verification`` (the keys of
    ``verify --json`` without ``unit``), ``gain``, ``better`` and ``gain_same_label``; groups that were found have
    ``support`` and ``overlap``, or ``correlation``.
    """
    writer = label_writer(kb)
    known = [e for e in ensembles if e.gain is not None]
    same = [e.gain_same_label for e in ensembles if e.gain_same_label is not None]
    tested = _tested(ensembles)
    found_as: dict[UnitGroup, CoactiveGroup | CorrelatedGroup] = {}
    found_by: FindBy | None = None
    if search is not None:
        found_as.update((g.group, g) for g in search.groups)
        found_by = search.by if isinstance(search, CorrelationSearch) else "coactivation"
    groups = []
    for ensemble in ensembles:
        found = found_as.get(ensemble.group)
        coactive = found if isinstance(found, CoactiveGroup) else None
        groups.append(
            {
                "group": ensemble.group.name,
                "units": list(ensemble.group.members),
                "support": None if coactive is None else coactive.support,
                "overlap": None if coactive is None else coactive.overlap,
                "correlation": found.correlation if isinstance(found, CorrelatedGroup) else None,
                **_labelled(ensemble.label, ensemble.row, writer, tested),
                "gain": ensemble.gain,
                "better": ensemble.better,
                "gain_same_label": ensemble.gain_same_label,
                "members": [
                    {
                        "unit": member.label.unit,
                        **_labelled(member.label, member.row, writer, tested),
                        "auc_for_group": member.auc_for_group,
                    }
                    for member in ensemble.members
                ],
            }
        )
    members = {m.label.unit: m for e in ensembles for m in e.members}
    return {
        "model": activations.meta.model,
        "layer": activations.meta.layer,
        "dataset": dataset,
        "joint": how,
        "found_by": found_by,
        "possible": None if search is None else search.possible,
        "counted": None if search is None else search.counted,
        "verification": criteria.settings(),
        "compared": len(known),
        "better": sum(bool(e.better) for e in known),
        "gain_median": float(median(e.gain for e in known if e.gain is not None)) if known else None,
        "compared_same_label": len(same),
        "better_same_label": sum(gain > 0 for gain in same),
        "gain_same_label_median": float(median(same)) if same else None,
        "groups_passing": sum(e.row is not None and passes_test(e.row) for e in ensembles),
        "groups_confirmed": sum(e.row is not None and e.row.verdict == "confirmed" for e in ensembles),
        "members_passing": sum(m.row is not None and passes_test(m.row) for m in members.values()),
        "members_confirmed": sum(m.row is not None and m.row.verdict == "confirmed" for m in members.values()),
        "distinct_members": len(members),
        "groups": groups,
    }


def _tested(ensembles: Sequence[Ensemble]) -> dict[VerificationRow, dict[str, Any]]:
    """Records of all rows that were adjusted together, with their reasons."""
    rows = list(
        dict.fromkeys(
            row for e in ensembles for row in (e.row, *(member.row for member in e.members)) if row is not None
        )
    )
    return dict(zip(rows, verdict_records(rows), strict=True))


def _labelled(
    label: UnitLabel, row: VerificationRow | None, writer: Any, tested: dict[VerificationRow, dict[str, Any]]
) -> dict[str, Any]:
    record = unit_record(label, writer)
    solutions = record["solutions"]
    best = {**solutions[0], "proved_optimal": record["proved_optimal"]} if solutions else None
    verdict = None
    if row is not None:
        verdict = {key: value for key, value in tested[row].items() if key not in ("unit", "permutation_p")}
    return {
        "status": label.status,
        "positives": label.positives,
        "negatives": label.negatives,
        "maximum": label.maximum,
        "label": best,
        "verification": verdict,
    }
