"""What ECII published, recomputed; and our ECII mode beside it.

    python benchmarks/ecii_published.py ../shared/data            # prints the tables
    python benchmarks/ecii_published.py ../shared/data --doc docs/ecii.md

The tables stand in docs/ecii.md between comments that name them; ``--doc`` puts fresh ones there.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from neurontology.kb_build.owl import read_owl
from neurontology.ontology.errors import NeurontologyError
from neurontology.ontology.expression import And, ClassExpression, Named, Some
from neurontology.ontology.kb import KB
from neurontology.reasoner.ecii import ecii_hypotheses
from neurontology.reasoner.ecii_check import EciiCheck, Verdict, entailed_absence
from neurontology.reasoner.ecii_hypotheses import Clause
from neurontology.reasoner.ecii_names import EciiNames, document_prefixes
from neurontology.reasoner.ecii_results import EciiResults, PublishedSolution, read_results
from neurontology.reasoner.ecii_types import TypeCounts, count_types, reach
from neurontology.reasoner.formats import read_problem
from neurontology.reasoner.individuals import resolve_problem
from neurontology.reasoner.interpretation import Interpretation
from neurontology.reasoner.knowledge import find_knowledge
from neurontology.reasoner.problem import EciiSettings
from pyoxigraph import NamedNode

DISJOINT = NamedNode("http://www.w3.org/2002/07/owl#disjointWith")
RENAMED = {"OutdoorWarehouse_positive_vs_IndoorWarehouse_negative": "large5/sumo_hand_curated_outdoor_vs_indoor.owl.gz"}
"""Ontologies that the data set has under another name than the configuration."""
CAUSES_V2 = ("agrees", "apart", "open world", "shrunk", "unknown")
CAUSES_V0 = ("agrees", "approximate", "unknown")


class Case:
    """One configuration with its ontology."""

    opened: tuple[Path, KB] | None = None

    def __init__(self, config: Path) -> None:
        problem = read_problem(config)
        renamed = RENAMED.get(config.stem)
        (path,) = [config.parents[4] / "owl" / renamed] if renamed else find_knowledge(problem)
        if Case.opened is None or Case.opened[0] != path:
            Case.opened = path, read_owl([path])
        kb = Case.opened[1]
        self.problem = resolve_problem(problem, kb.index)
        self.interpretation = Interpretation(kb.index)
        self.positives = self.interpretation.positions(self.problem.positives)
        self.negatives = self.interpretation.positions(self.problem.negatives)
        self.disjoint = [
            (q.subject.value, q.object.value)
            for q in kb.store.quads_for_pattern(None, DISJOINT, None, None)
            if isinstance(q.subject, NamedNode) and isinstance(q.object, NamedNode)
        ]
        self.check = EciiCheck(
            self.interpretation,
            self.positives,
            self.negatives,
            EciiNames(kb.index, document_prefixes(path)).to_iri,
            self.disjoint,
        )


def scene_configs(data: Path) -> list[Path]:
    return sorted((data / "ade20k-kb" / "experiments").glob("*/*.config"))


def scene(config: Path) -> tuple[str, str]:
    """Comparison and background of a configuration."""
    comparison, _, background = config.stem.partition("_bkg_")
    return comparison.replace("_", " "), background.removesuffix("_accuracy_f1").replace("_", " ")


def scene_table(data: Path) -> Iterator[Sequence[object]]:
    yield (
        "comparison",
        "background",
        "solutions",
        "`null`",
        *CAUSES_V2,
        "not as printed",
        "largest ΔF1",
        "best F1 right",
    )
    total: Counter[str] = Counter()
    for config in scene_configs(data):
        case = Case(config)
        results = read_results(config.with_name(config.stem + "_results_ecii_V2.txt.gz"))
        verdicts = case.check.check(results.solutions)
        causes = Counter(v.cause for v in verdicts)
        readable = [v for v in verdicts if v.printed is not None]
        difference = max((abs(v.solution.measures["f_measure"] - printed(v)) for v in readable), default=0.0)
        best = max(results.solutions, key=lambda s: s.measures["f_measure"]).measures["f_measure"]
        right = any(abs(printed(v) - best) < 1e-9 and v.cause == "agrees" for v in readable)
        wrong = len(readable) - causes["agrees"]
        yield (
            *scene(config),
            len(verdicts),
            causes["unreadable"],
            *(causes[c] for c in CAUSES_V2),
            f"{wrong} of {len(readable)}",
            f"{difference:.2f}",
            "yes" if right else "no",
        )
        total.update(causes)
        total["all"] += len(verdicts)
    readable_total = total["all"] - total["unreadable"]
    yield (
        "**all**",
        "",
        total["all"],
        total["unreadable"],
        *(total[c] for c in CAUSES_V2),
        f"{readable_total - total['agrees']} of {readable_total}",
        "",
        "",
    )


def printed(verdict: Verdict) -> float:
    assert verdict.printed is not None
    return verdict.printed.f1


def mode_table(data: Path) -> Iterator[Sequence[object]]:
    yield (
        "comparison", "background", "types found, published", "ours",
        "published: n", "best F1", "best coverage", "s",
        "open world: n", "best F1", "best coverage", "of the published", "below the cut", "others", "stored empty",
        "closed world: n", "best F1", "best coverage", "s",
    )  # fmt: skip
    for config in scene_configs(data):
        if "dbpedia" in config.name:
            continue
        case = Case(config)
        assert case.problem.settings.ecii is not None
        # As the header of the results has it; the configuration says nothing, and the default is false.
        settings = dataclasses.replace(case.problem.settings.ecii, limit_neg_types=True)
        results = read_results(config.with_name(config.stem + "_results_ecii_V2.txt.gz"))
        absence = entailed_absence(case.interpretation, case.disjoint)
        ours = []
        hypotheses = []
        for given in (absence, None):
            start = time.perf_counter()
            found = ecii_hypotheses(
                case.interpretation,
                case.positives,
                case.negatives,
                settings,
                properties=case.problem.settings.object_properties,
                absence=given,
            )
            seconds = time.perf_counter() - start
            hypotheses.append(found)
            examples = len(case.positives) + len(case.negatives)
            coverage = (found.tp + len(case.negatives) - found.fp) / examples
            ours.append((len(found), f"{found.scores[0]:.3f}", f"{coverage.max():.3f}", f"{seconds:.3f}"))
        published = [case.check.hypothesis(s.expression) for s in results.solutions]
        made = [frozenset(map(frozenset, hypotheses[0].candidate_classes(i))) for i in range(len(hypotheses[0]))]
        others = [i for i, hypothesis in enumerate(made) if hypothesis not in set(published)]
        counts = types_over(case)
        assert results.types is not None
        totals = [
            sum(len(c.positive) for c in counts.values()),
            sum(len(c.negative) for c in counts.values()),
        ]
        yield (
            *scene(config), "{}/{}".format(*results.types), "{}/{}".format(*totals),
            len(results.solutions), best(results, "f_measure"), best(results, "coverage"), results.seconds,
            *ours[0][:3], sum(h in set(made) for h in published),
            below_cut(published, counts, settings),
            len(others), sum(stored_empty(case, hypotheses[0].expression(i)) for i in others), *ours[1],
        )  # fmt: skip


def stored_empty(case: Case, expression: ClassExpression) -> bool:
    """Whether this is ∃R.A ⊓ ∃R.B … of classes that no filler of a positive example belongs to together."""
    parts = expression.operands if isinstance(expression, And) else ()
    if not parts or not all(isinstance(p, Some) and isinstance(p.filler, Named) for p in parts):
        return False
    together = Some(parts[0].role, And(tuple(p.filler for p in parts)))
    return not case.interpretation.retrieve(together)[case.positives].any()


def types_over(case: Case) -> dict[str | None, TypeCounts]:
    """Types before any are removed, by property."""
    rows = np.unique(np.concatenate([case.positives, case.negatives]))
    positive = np.isin(rows, case.positives)
    return {
        prop: count_types(case.interpretation, reach(case.interpretation, rows, prop), positive)
        for prop in (None, *case.problem.settings.object_properties)
    }


def below_cut(
    published: Sequence[frozenset[frozenset[Clause]]],
    counts: dict[str | None, TypeCounts],
    settings: EciiSettings,
) -> int:
    """Published clauses with a type that occurs less often than the last one that stays in its list."""

    def last(occurrences: Iterable[int], size: int) -> int:
        return min(sorted(occurrences, reverse=True)[:size], default=0)

    number = 0
    for clause in {clause for hypothesis in published for candidate in hypothesis for clause in candidate}:
        sides = counts[clause.prop]
        positive = last(sides.positive.values(), settings.pos_class_list_max_size)
        negative = last(sides.negative.values(), settings.neg_class_list_max_size)
        number += any(sides.positive.get(t, 0) < positive for t in clause.positive) or any(
            sides.negative.get(t, 0) < negative for t in clause.negative
        )
    return number


def best(results: EciiResults, measure: str) -> str:
    return f"{max(s.measures[measure] for s in results.solutions):.3f}"


def aaai_table(data: Path) -> Iterator[Sequence[object]]:
    head = (
        "problem",
        "tables",
        "solutions",
        *CAUSES_V0,
        "F explained",
        "largest Δcoverage",
        "not checked because",
    )
    yield head
    total: Counter[str] = Counter()
    for problem in sorted((data / "ecii-aaai" / "problems").glob("*/*")):
        folders = [f for f in sorted(problem.glob("p*")) if any(f.glob("*ecii*_top500.csv"))]
        row: Counter[str] = Counter()
        differences = [0.0]
        because = ""
        for folder in folders:
            tables = sorted(folder.glob("*ecii*_top500.csv"))
            solutions = [s for table in tables for s in read_results(table).solutions]
            row += Counter(tables=len(tables), solutions=len(solutions))
            (config,) = folder.glob("*.config")
            try:
                case = Case(config)
            except NeurontologyError as error:
                because = error.what
                continue
            verdicts = case.check.check_approximate(solutions)
            differences += [v.difference for v in verdicts if v.difference is not None]
            row += Counter(v.cause for v in verdicts)
            row["F"] += sum(f_measure_explained(s, case.check) for s in solutions)
        if not folders:
            continue
        checked = [row[c] for c in CAUSES_V0] + [row["F"], f"{max(differences):.2f}"]
        yield (
            "/".join(problem.parts[-2:]),
            row["tables"],
            row["solutions"],
            *([""] * len(checked) if because else checked),
            because.partition(";")[0].partition(" (")[0],
        )
        if not because:
            total += row
    yield (
        "**all checked**",
        total["tables"],
        total["solutions"],
        *(total[c] for c in CAUSES_V0),
        total["F"],
        "",
        "",
    )


def f_measure_explained(solution: PublishedSolution, check: EciiCheck) -> bool:
    """Whether what is called F-measure is the mean of the approximate precision and recall, or their F1."""
    counts = check.approximate(solution.expression)
    given = solution.measures["f_measure"]
    return min(abs(given - (counts.precision + counts.recall) / 2), abs(given - counts.f1)) < 1e-9


TABLES = {"scenes": scene_table, "mode": mode_table, "aaai": aaai_table}


def markdown(rows: Iterator[Sequence[object]]) -> str:
    header, *body = ([str(cell) for cell in row] for row in rows)
    numeric = [all(re.fullmatch(r"[\d.]*|\d+ of \d+", row[i]) for row in body) for i in range(len(header))]
    lines = [header, ["---:" if n else "---" for n in numeric], *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "data", type=Path, nargs="?", default=Path(os.environ.get("NEURONTOLOGY_DATA", "../shared/data"))
    )
    parser.add_argument("--doc", type=Path, help="Markdown file whose tables are renewed.")
    parser.add_argument("--table", choices=TABLES, action="append", help="Only these.")
    given = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    np.seterr(all="raise")
    text = given.doc.read_text(encoding="utf-8") if given.doc else ""
    for name in given.table or TABLES:
        start = time.perf_counter()
        table = markdown(TABLES[name](given.data))
        print(f"\n{name} ({time.perf_counter() - start:.1f} s)\n\n{table}", flush=True)
        marks = f"<!-- table: {name} -->", f"<!-- end: {name} -->"
        if given.doc:
            before, mark, rest = text.partition(marks[0])
            _, end, after = rest.partition(marks[1])
            if not mark or not end:
                raise SystemExit(f"{given.doc} has no place for the table {name}: {marks[0]} … {marks[1]}")
            text = f"{before}{marks[0]}\n{table}\n{marks[1]}{after}"
    if given.doc:
        given.doc.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
