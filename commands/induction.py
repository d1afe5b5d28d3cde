"""`induce`: expressions for one problem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import (
    Entailment,
    EntailmentLimit,
    Json,
    MaxAtoms,
    Operators,
    Permutations,
    Score,
    Seed,
    Strategy,
    TimeLimit,
    induction_options,
    names_in,
)
from .terminal import open_world_cell, print_json, print_table, say, search_line, warn


def induce_expression(
    kb: Annotated[Path | None, typer.Option("--kb", help="Knowledge base directory or OWL file.")] = None,
    problem: Annotated[Path | None, typer.Option(help="ECII .config, DL-Learner .conf or JSON.")] = None,
    positives: Annotated[Path | None, typer.Option(help="Text file, one positive individual a line.")] = None,
    negatives: Annotated[Path | None, typer.Option(help="Text file, one negative individual a line.")] = None,
    select: Annotated[str | None, typer.Option(help="Which problem of a file that holds several.")] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out examples that the knowledge base lacks, and list them.")
    ] = False,
    start_class: Annotated[
        str | None,
        typer.Option(help="Class (or Manchester expression) that every answer lies under; owl:Thing for none."),
    ] = None,
    score: Score = None,
    max_atoms: MaxAtoms = None,
    operators: Operators = None,
    top: Annotated[int | None, typer.Option(min=1, help="Number of solutions; 10 by default.")] = None,
    strategy: Strategy = None,
    time_limit: TimeLimit = None,
    permutations: Permutations = None,
    seed: Seed = None,
    depth: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Most restrictions inside one another; by default 1 over flat annotations (images and their "
            "objects), else as deep as it helps, up to 4.",
        ),
    ] = None,
    constructors: Annotated[
        str | None,
        typer.Option(
            help="What restrictions are made of: some of some,only,min,max,inverse,data,not,and,or; by default "
            "some (∃) over flat annotations, else all."
        ),
    ] = None,
    explain: Annotated[
        int | None,
        typer.Option(min=1, help="Name up to so many examples that each solution covers, misses and wrongly covers."),
    ] = None,
    entailment: Entailment = None,
    entailment_limit: EntailmentLimit = 300,
    as_json: Json = False,
) -> None:
    """Find the best class expressions for positive and negative individuals.

    What is not given is taken from the problem's file, as far as it says.
    """
    from dataclasses import replace

    from ..kb_build.owl import open_kb
    from ..ontology.errors import UsageError
    from ..reasoner.explanation import explain as explain_solution
    from ..reasoner.formats import read_lists, read_problem
    from ..reasoner.knowledge import find_knowledge
    from ..reasoner.request import requested_options
    from ..reasoner.solution_record import SolutionWriter, induction_record
    from ..reasoner.solve import pose, solve_posed

    if problem is not None and positives is None and negatives is None:
        given = read_problem(problem, select=select)
    elif problem is None and positives is not None and negatives is not None:
        given = read_lists(positives, negatives)
    else:
        raise UsageError("the examples are not given", expected="--problem FILE, or --positives F and --negatives F")
    for warning in given.warnings:
        warn(warning)
    if kb is None and not given.knowledge:
        raise UsageError("the knowledge base is not given", expected="--kb KB_OR_OWL")
    asked = induction_options(score, max_atoms, operators, top, strategy, time_limit, permutations, seed)
    options = requested_options(given, **asked)
    if entailment is not None:
        from ..reasoner.entailment import check_posed, require_reasoner

        require_reasoner(entailment)
    paths = [kb] if kb is not None else list(find_knowledge(given))
    opened = open_kb(paths)
    if start_class is not None:
        given = replace(given, settings=replace(given.settings, start_class=start_class))
    posed = pose(opened, given, skip_unknown=skip_bad)
    with search_line(options.score.replace("_", " ")) as progress:
        induction = solve_posed(
            posed,
            options,
            constructors=None if constructors is None else names_in("--constructors", constructors),
            depth=depth,
            progress=progress,
        )
    writer = SolutionWriter(opened.names)
    record = {"problem": given.name, "kb": ", ".join(map(str, paths)), **induction_record(induction, writer)}
    if explain is not None:
        for solution, found in zip(record["solutions"], induction.solutions, strict=True):
            solution |= explain_solution(posed, found.expression).to_json(explain)
    if entailment is not None:
        expressions = [found.expression for found in induction.solutions]
        checked = check_posed(posed, expressions, reasoner=entailment, time_limit=entailment_limit)
        for note in checked.notes:
            warn(note)
        for solution, said in zip(record["solutions"], checked.expressions, strict=True):
            solution["entailment"] = said.to_json()
    if as_json:
        return print_json(record)
    _print_induction(record, time_limit=options.time_limit)
    if explain is not None:
        _print_explanations(record["solutions"], writer.short)


def _print_induction(record: dict[str, Any], time_limit: float | None = None) -> None:
    solutions = record["solutions"]
    score = record["score"].replace("_", " ")
    checked = [s["entailment"] for s in solutions if "entailment" in s]
    print_table(
        ("rank", "expression", score, "tp", "fp", "tn", "fn", "length", "ties", *(["open world"] if checked else [])),
        [
            [
                *(s[key] for key in ("rank", "dl", "score", "tp", "fp", "tn", "fn", "length")),
                len(s["equivalent"]),
                *([open_world_cell(s["entailment"])] if checked else []),
            ]
            for s in solutions
        ],
    )
    if not solutions:
        return say(f"No expression holds, and fails to hold, for as many examples as {score} asks for.")
    best = solutions[0]
    positives, negatives = best["tp"] + best["fn"], best["fp"] + best["tn"]
    say(f"{positives} positive and {negatives} negative examples. tp and fn: positives covered and missed;")
    say("fp and tn: negatives covered and left out; ties: others that cover the same.")
    if checked:
        reasoner = checked[0]["reasoner"]
        say(f"open world ({reasoner}): examples that are covered but do not follow to be (-), and the reverse (+).")
    size = f"{record['atoms']} types"
    if record["strategy"] != "ecii":
        size = f"{record['atoms']} distinct atoms, restrictions nested up to {record['depth']} deep"
    say(f"{size}; {record['elapsed_seconds']:.2f} s.")
    say(_proof(record, score, time_limit))
    if record["permutation_p"] is not None:
        undecided = record["permutations_undecided"]
        say(
            f"Permutation test: p = {record['permutation_p']:.4g}; {record['permutation_hits']} of "
            f"{record['permutations']} permutations of the examples score as well"
            + (f", {undecided} of them undecided." if undecided else ".")
        )
    if record["truncated"]:
        say(f"not all atoms of the language were formed; left out: {record['truncated']}")


def _proof(record: dict[str, Any], score: str, time_limit: float | None) -> str:
    if record["proved_optimal"]:
        return "proved: no expression over these atoms ranks higher"
    if record["strategy"] == "ecii":
        return "not proved: ECII's search is heuristic"
    why = f"the {record['strategy']} search proves nothing"
    if record["strategy"] == "exact":
        why = f"the time limit of {time_limit:g} s came first" if time_limit else "the search ended first"
    return f"not proved: {why}; no expression over these atoms has {score} above {record['upper_bound']:.4g}"


def _print_explanations(solutions: Sequence[dict[str, Any]], short: Callable[[str], str]) -> None:
    for s in solutions:
        say(f"\n{s['rank']}  {s['dl']}")
        for what, key, count in (
            ("positives covered", "covered_positives", s["tp"]),
            ("positives missed", "missed_positives", s["fn"]),
            ("negatives wrongly covered", "covered_negatives", s["fp"]),
        ):
            rest = count - len(s[key])
            names = ", ".join(map(short, s[key])) + (f" and {rest} more" if rest else "")
            say(f"   {what} ({count}){': ' if count else ''}{names}")
