"""What the store holds of experiments with a layer: groups of units, sweeps, runs side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyoxigraph import NamedNode

from ..bridge.activations import Activations
from ..bridge.example_rules import parse_rule
from ..bridge.recording import activations_node, run_name
from ..bridge.run import Run, activations_digest
from ..ontology.kb import KB
from ..ontology.vocabulary import DCT, EARL, LABEL, PROV, SKOS, TYPE, nl
from .recorded_graph import RecordedGraph

_SOURCE, _MEMBER = NamedNode(PROV + "wasDerivedFrom"), NamedNode(PROV + "hadMember")
_USED, _PART, _SUBJECT = NamedNode(PROV + "used"), NamedNode(DCT + "hasPart"), NamedNode(EARL + "subject")
_PREF_LABEL = NamedNode(SKOS + "prefLabel")
_CLASSES: Final = {"sweep": "Sweep", "comparison": "Comparison"}


@dataclass(frozen=True)
class RecordedGroup:
    """A group of units and its label, tested on held-out images.

    Attributes
    ----------
    units
        The members, ascending.
    label, syntax
        In English and in Manchester syntax; empty without one.
    status
        Why there is no label.
    verdict
        On the label; empty without one.
    auc, p_holm, gain, gain_same_label
        See `ensembles.Ensemble`; None where unknown.
    """

    units: tuple[int, ...]
    label: str
    syntax: str
    status: str
    verdict: str
    auc: float | None
    p_holm: float | None
    gain: float | None
    gain_same_label: float | None


@dataclass(frozen=True)
class RecordedEnsembles:
    """Groups that were labelled together.

    Attributes
    ----------
    found_by
        One of `ensembles.FindBy`; empty where the groups were given.
    joint
        What the activation of a group is.
    groups
        The largest AUC first, those without one last.
    """

    found_by: str
    joint: str
    groups: tuple[RecordedGroup, ...]

    @property
    def confirmed(self) -> int:
        """Number of groups with a confirmed label."""
        return sum(group.verdict == "confirmed" for group in self.groups)

    def gains(self, *, same_label: bool) -> tuple[int, int]:
        """Number of groups above each member, for its own or the group's label, and of how many that is known."""
        known = [group.gain_same_label if same_label else group.gain for group in self.groups]
        return sum(gain > 0 for gain in known if gain is not None), sum(gain is not None for gain in known)


@dataclass(frozen=True)
class RecordedOutcome:
    """A run beside others.

    Attributes
    ----------
    name
        Its setting or its name.
    shown
        Whether it is the run that was asked for.
    labelled, tested, passing, confirmed
        Numbers of units: with a label, tested on held-out images, passing the test (Holm), confirmed.
    f1, auc
        Medians over units; None where unknown.
    p
        Of the comparison of its AUC with the first run's; None for the first and in a sweep.
    """

    name: str
    shown: bool
    labelled: int
    tested: int | None
    passing: int | None
    confirmed: int | None
    f1: float | None
    auc: float | None
    p: float | None


@dataclass(frozen=True)
class RecordedComparison:
    """Runs side by side, one of them of the layer.

    Attributes
    ----------
    kind
        ``sweep``: one layer under several definitions of its examples, ``bands``: by bands of its activations, or
        ``comparison``.
    outcomes
        A row for each run, in the order of the comparison; those of a sweep by name, bands from the lowest.
    """

    kind: str
    outcomes: tuple[RecordedOutcome, ...]


@dataclass(frozen=True)
class RecordedExperiments:
    """All that the store holds of experiments with a layer, in the order in which it was recorded."""

    ensembles: tuple[RecordedEnsembles, ...]
    comparisons: tuple[RecordedComparison, ...]


def recorded_experiments(kb: KB, activations: Activations, run: Run) -> RecordedExperiments:
    """Read the groups of units of these activations, and the sweeps and comparisons of runs on them.

    Parameters
    ----------
    kb
        The knowledge base that they were recorded in.
    activations
        The activations.
    run
        The run that a report is about; it is marked where it is one of those compared.

    Raises
    ------
    DataError
        If a graph lacks a part of what is recorded there.
    """
    source = activations_node(kb, activations_digest(activations))
    entries = sorted((entry for entry in kb.entries if entry.kind == "run"), key=lambda one: (one.created, one.name))
    ensembles: list[RecordedEnsembles] = []
    comparisons: list[RecordedComparison] = []
    for entry in entries:
        graph = RecordedGraph(kb, entry.iri)
        if "-ensembles-" in entry.name and (found := list(graph.subjects(_SOURCE, source))):
            ensembles.append(_ensembles(graph, found))
        kind = entry.name.rpartition("-")[2]
        if kind in _CLASSES:
            comparisons += _comparisons(kb, graph, kind, source, run)
    return RecordedExperiments(tuple(ensembles), tuple(comparisons))


def _ensembles(graph: RecordedGraph, nodes: list[NamedNode]) -> RecordedEnsembles:
    verdicts = {
        label: verdict for verdict in graph.subjects(TYPE, nl("Verdict")) for label in graph.nodes(verdict, _SUBJECT)
    }
    groups = []
    for node in nodes:
        label = next(iter(graph.nodes(node, nl("label"))), None)
        verdict = verdicts.get(label) if label is not None else None
        groups.append(
            RecordedGroup(
                units=tuple(sorted(int(graph.number(unit, "unitNumber")) for unit in graph.nodes(node, _MEMBER))),
                label="" if label is None else graph.text(label, _PREF_LABEL),
                syntax="" if label is None else graph.text(label, nl("manchester")),
                status=graph.text(node, nl("status")),
                verdict="" if verdict is None else graph.text(verdict, nl("verdict")),
                auc=None if verdict is None else graph.perhaps(verdict, "auc"),
                p_holm=None if verdict is None else graph.perhaps(verdict, "pHolm"),
                gain=graph.perhaps(node, "aucGain"),
                gain_same_label=graph.perhaps(node, "aucGainSameLabel"),
            )
        )
    groups.sort(key=lambda group: (group.auc is None, -(group.auc or 0.0), group.units))
    return RecordedEnsembles(
        graph.text(nodes[0], nl("foundBy")), graph.text(nodes[0], nl("jointActivation")), tuple(groups)
    )


def _comparisons(kb: KB, graph: RecordedGraph, kind: str, source: NamedNode, run: Run) -> Iterator[RecordedComparison]:
    own = NamedNode(f"{kb.base}run/{run_name(run)}")
    for node in graph.subjects(TYPE, nl(_CLASSES[kind])):
        rows = []
        of_layer = False
        for outcome in graph.nodes(node, _PART):
            (made,) = graph.nodes(outcome, nl("ofRun"))
            # A run may be recorded in another knowledge base than this.
            of_layer |= made == own or any(kb.store.quads_for_pattern(made, _USED, source))
            rank = graph.perhaps(outcome, "rank")
            rows.append(
                (0.0 if rank is None else rank, graph.text(outcome, LABEL), _outcome(graph, outcome, made == own))
            )
        if of_layer:
            outcomes = [row for _, _, row in sorted(rows, key=lambda one: one[:2])]
            bands = [parse_rule(outcome.name) for outcome in outcomes] if kind == "sweep" else []
            if bands and all(band.is_band for band in bands):
                order = sorted(range(len(bands)), key=lambda k: (bands[k].negative, bands[k].positive))
                kind, outcomes = "bands", [outcomes[k] for k in order]
            yield RecordedComparison(kind, tuple(outcomes))


def _outcome(graph: RecordedGraph, node: NamedNode, shown: bool) -> RecordedOutcome:
    def number(term: str) -> int | None:
        found = graph.perhaps(node, term)
        return None if found is None else int(found)

    return RecordedOutcome(
        name=graph.text(node, LABEL),
        shown=shown,
        labelled=int(graph.number(node, "unitsLabelled")),
        tested=number("unitsTested"),
        passing=number("unitsPassingTest"),
        confirmed=number("unitsConfirmed"),
        f1=graph.perhaps(node, "medianF1"),
        auc=graph.perhaps(node, "medianAuc"),
        p=graph.perhaps(node, "pValue"),
    )
