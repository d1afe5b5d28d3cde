"""Two runs side by side: labels, verdicts, concepts and scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

import numpy as np
from pyoxigraph import Literal, NamedNode
from scipy import stats

from ..bridge.recording import label_node, verdicts_name
from ..bridge.run import Run, read_expression
from ..ontology.expression import named_classes, normal_form
from ..ontology.kb import KB
from ..ontology.vocabulary import nl
from .verification import ALPHA

#: What a unit's label did from the first run to the second.
CHANGES: Final = ("same", "changed", "gained", "lost", "none")


@dataclass(frozen=True)
class RecordedVerdict:
    """What `verify` recorded about a unit's best label.

    Attributes
    ----------
    verdict
        See `verification`.
    auc
        On the images it was verified with; None where it could not be tested.
    gate
        Whether it passed the gate; None without target images, and of a band of activations.
    p_holm
        Of the rank test, after Holm's adjustment; None where it could not be tested.
    """

    verdict: str
    auc: float | None
    gate: bool | None
    p_holm: float | None

    @property
    def passes_test(self) -> bool:
        """Whether it passed the rank test, in the direction of the label; see `verification.passes_test`."""
        return self.p_holm is not None and self.auc is not None and self.p_holm < ALPHA and self.auc > 0.5


@dataclass(frozen=True)
class UnitComparison:
    """One unit that two runs over the same layer were asked for.

    Attributes
    ----------
    unit
        Index in the layer.
    change
        ``same``: equal best expressions; ``changed``; ``gained``, ``lost``: a label in the second or the first run
        only; ``none``: in neither.
    first, second
        Best labels in English, None without.
    first_rank, second_rank
        Rank of the first run's best label among the second's solutions, and the other way round; None if absent.
    shared, only_first, only_second
        Names of the classes in both labels, in one of them.
    first_f1, second_f1
        Of the best labels on the examples of their runs.
    first_verdict, second_verdict, first_auc, second_auc
        As they were recorded by `verify`; None where nothing was.
    """

    unit: int
    change: str
    first: str | None
    second: str | None
    first_rank: int | None
    second_rank: int | None
    shared: tuple[str, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    first_f1: float | None
    second_f1: float | None
    first_verdict: str | None
    second_verdict: str | None
    first_auc: float | None
    second_auc: float | None


def recorded_verdicts(kb: KB, run: Run) -> dict[int, RecordedVerdict]:
    """Read the verdicts on a run's best labels from the knowledge base.

    Parameters
    ----------
    kb
        The knowledge base that the run and its verdicts were recorded in.
    run
        The run.

    Returns
    -------
    dict
        From units to verdicts; empty where the run was not verified.
    """
    entry = next((e for e in kb.entries if e.kind == "run" and e.name == verdicts_name(run)), None)
    if entry is None:
        return {}

    def value(subject: NamedNode, term: str) -> str | None:
        for quad in kb.store.quads_for_pattern(subject, nl(term), None, NamedNode(entry.iri)):
            if isinstance(quad.object, Literal):
                return quad.object.value
        return None

    found = {}
    for record in run.units:
        node = NamedNode(f"{label_node(kb, run, record['unit'], 1).value}/verdict")
        verdict, auc, gate, p_holm = (value(node, term) for term in ("verdict", "auc", "gatePassed", "pHolm"))
        if verdict is not None:
            found[record["unit"]] = RecordedVerdict(
                verdict,
                auc=None if auc is None else float(auc),
                gate=None if gate is None else gate == "true",
                p_holm=None if p_holm is None else float(p_holm),
            )
    return found


def same_layer(first: Run, second: Run) -> bool:
    """Whether units of equal number are the same unit: model, weights and layer agree."""
    a, b = first.config, second.config
    return (a.model, a.weight_digest, a.layer) == (b.model, b.weight_digest, b.layer)


def compare_runs(
    first: Run,
    second: Run,
    first_kb: KB,
    second_kb: KB,
) -> dict[str, Any]:
    """Compare two runs.

    Runs over the same layer of the same model are compared unit by unit. Units of other models or layers have
    nothing to do with each other, however they are numbered: of such runs only the concepts and scores of the
    layers are compared.

    Parameters
    ----------
    first, second
        The runs.
    first_kb, second_kb
        The knowledge bases that they were recorded in, for their verdicts and the names of classes.

    Returns
    -------
    dict
        The document that ``compare --json`` prints: ``first``, ``second`` (what each run came to),
        ``settings`` (those that differ), ``same_layer``, ``changes`` (numbers of units), ``units``,
        ``verdict_changes``, ``concepts`` (shared and not, with numbers of labels), ``scores`` (F1 and AUC in each
        run and, over units that have both, their difference).
    """
    verdicts = recorded_verdicts(first_kb, first), recorded_verdicts(second_kb, second)
    matched = same_layer(first, second)
    units = _units(first, second, first_kb, second_kb, *verdicts) if matched else []
    changes = Counter(unit.change for unit in units)
    judged = Counter(
        (_outcome(unit.first, unit.first_verdict), _outcome(unit.second, unit.second_verdict))
        for unit in units
        if any(verdicts)
    )
    return {
        "first": _summary(first, verdicts[0]),
        "second": _summary(second, verdicts[1]),
        "settings": _differences(_settings(first), _settings(second)),
        "same_layer": matched,
        "changes": {change: changes[change] for change in CHANGES} if matched else None,
        "units": [asdict(unit) for unit in units],
        "verdict_changes": [
            {"first": a, "second": b, "units": number}
            for (a, b), number in sorted(judged.items(), key=lambda item: (-item[1], item[0]))
        ],
        "concepts": _concepts(first, second, first_kb, second_kb),
        "scores": {
            "f1": compare_scores(f1_scores(first), f1_scores(second), paired=matched),
            "auc": compare_scores(auc_scores(verdicts[0]), auc_scores(verdicts[1]), paired=matched),
        },
    }


def _units(
    first: Run,
    second: Run,
    first_kb: KB,
    second_kb: KB,
    first_verdicts: Mapping[int, RecordedVerdict],
    second_verdicts: Mapping[int, RecordedVerdict],
) -> list[UnitComparison]:
    records = [{record["unit"]: record for record in run.units} for run in (first, second)]
    result = []
    for unit in sorted(records[0].keys() & records[1].keys()):
        a, b = (known[unit]["solutions"] for known in records)
        forms = [[normal_form(read_expression(s["expression"])) for s in solutions] for solutions in (a, b)]
        if a and b:
            change = "same" if forms[0][0] == forms[1][0] else "changed"
        else:
            change = "lost" if a else "gained" if b else "none"
        ours = set(named_classes(forms[0][0])) if a else set()
        theirs = set(named_classes(forms[1][0])) if b else set()
        before, after = first_verdicts.get(unit), second_verdicts.get(unit)
        result.append(
            UnitComparison(
                unit=unit,
                change=change,
                first=a[0]["english"] if a else None,
                second=b[0]["english"] if b else None,
                first_rank=forms[1].index(forms[0][0]) + 1 if a and forms[0][0] in forms[1] else None,
                second_rank=forms[0].index(forms[1][0]) + 1 if b and forms[1][0] in forms[0] else None,
                shared=_named(first_kb, ours & theirs),
                only_first=_named(first_kb, ours - theirs),
                only_second=_named(second_kb, theirs - ours),
                first_f1=a[0]["f1"] if a else None,
                second_f1=b[0]["f1"] if b else None,
                first_verdict=before.verdict if before else None,
                second_verdict=after.verdict if after else None,
                first_auc=before.auc if before else None,
                second_auc=after.auc if after else None,
            )
        )
    return result


def _outcome(label: str | None, verdict: str | None) -> str:
    """A verdict without its reason, or why there is none."""
    if label is None:
        return "no label"
    return "not verified" if verdict is None else verdict.partition(":")[0]


def _named(kb: KB, iris: set[str]) -> tuple[str, ...]:
    return tuple(sorted(kb.names.short(iri) for iri in iris))


def _summary(run: Run, verdicts: Mapping[int, RecordedVerdict]) -> dict[str, Any]:
    labelled = [unit for unit in run.units if unit["solutions"]]
    aucs = auc_scores(verdicts)
    return {
        "run": str(run.path),
        "digest": run.digest,
        "model": run.config.model,
        "layer": run.config.layer,
        "units": len(run.units),
        "labelled": len(labelled),
        "proved": sum(bool(unit["proved_optimal"]) for unit in labelled),
        "distinct_labels": len({unit["solutions"][0]["expression"] for unit in labelled}),
        "f1_median": _median(list(f1_scores(run).values())),
        "verified": len(verdicts),
        "verdicts": dict(sorted(Counter(v.verdict.partition(":")[0] for v in verdicts.values()).items())),
        "auc_median": _median(list(aucs.values())),
    }


def _settings(run: Run) -> dict[str, Any]:
    """Everything that the labels depend on and is not a path, flat."""
    config = asdict(run.config)
    del config["kb"], config["activations"]
    return {**config.pop("thresholds"), **config.pop("options"), **config}


def _differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "first": first[name], "second": second[name]} for name in first if first[name] != second[name]
    ]


def f1_scores(run: Run) -> dict[int, float]:
    """F1 of the best label of each labelled unit, on the examples of the run."""
    return {unit["unit"]: unit["solutions"][0]["f1"] for unit in run.units if unit["solutions"]}


def auc_scores(verdicts: Mapping[int, RecordedVerdict]) -> dict[int, float]:
    """Held-out AUC of each unit that could be tested."""
    return {unit: v.auc for unit, v in verdicts.items() if v.auc is not None}


def _concepts(first: Run, second: Run, first_kb: KB, second_kb: KB) -> list[dict[str, Any]]:
    """Classes in best labels with the numbers of labels of either run, the most frequent first."""
    counts = [
        Counter(iri for unit in run.units if unit["solutions"] for iri in _classes(unit)) for run in (first, second)
    ]
    names = {iri: kb.names.short(iri) for kb, known in zip((first_kb, second_kb), counts, strict=True) for iri in known}
    order = sorted(names, key=lambda iri: (-counts[0][iri] - counts[1][iri], names[iri], iri))
    return [{"concept": names[i], "iri": i, "first": counts[0][i], "second": counts[1][i]} for i in order]


def _classes(unit: dict[str, Any]) -> set[str]:
    return set(named_classes(read_expression(unit["solutions"][0]["expression"])))


def compare_scores(first: Mapping[int, float], second: Mapping[int, float], *, paired: bool) -> dict[str, Any]:
    """Distribution in either run; over units with both, how the second differs (Wilcoxon, two-sided)."""
    both = sorted(first.keys() & second.keys()) if paired else []
    change = np.asarray([second[unit] - first[unit] for unit in both], np.float64)
    change[np.abs(change) < 1e-12] = 0.0
    return {
        "first": distribution(list(first.values())),
        "second": distribution(list(second.values())),
        "paired": len(both),
        "higher": int((change > 0).sum()),
        "equal": int((change == 0).sum()),
        "lower": int((change < 0).sum()),
        "change_median": _median(change.tolist()),
        "p": float(stats.wilcoxon(change).pvalue) if change.any() else None,
    }


def distribution(values: Sequence[float]) -> dict[str, float] | None:
    """Minimum, quartiles and maximum; None without values."""
    if not values:
        return None
    names = ("minimum", "lower_quartile", "median", "upper_quartile", "maximum")
    return dict(zip(names, np.quantile(np.asarray(values), (0, 0.25, 0.5, 0.75, 1)).tolist(), strict=True))


def _median(values: Sequence[float]) -> float | None:
    return float(median(values)) if values else None
