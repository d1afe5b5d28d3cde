"""Options that several commands share, and how their values are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from ..analysis.auc import IntervalMethod
    from ..analysis.statistics import Alternative
    from ..analysis.statistics import Method as RankMethod
    from ..analysis.verification import Criteria


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


KbPath = Annotated[Path, typer.Argument(metavar="KB", help="Directory of the knowledge base.")]
ActPath = Annotated[Path, typer.Argument(metavar="ACT", help="Activation directory.")]
Dataset = Annotated[str | None, typer.Option(help="Data set whose individuals the images are.")]
Units = Annotated[str | None, typer.Option(help="Units, such as 0,3,5-9; all by default.")]
Positive = Annotated[float, typer.Option(help="Share of the maximum from which an image is positive.")]
Negative = Annotated[float, typer.Option(help="Share of the maximum to which an image is negative.")]
MinPositives = Annotated[int, typer.Option(min=1, help="Fewest positive images for a label.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Threads; the number of cores by default.")]
Out = Annotated[Path, typer.Option("--out", help="New directory to write.")]


# Without a default: what is not given is left to the problem's file, if there is one.
Score = Annotated[
    str | None,
    typer.Option(
        help="Score to maximise: f1 (default), accuracy, balanced_accuracy, iou, precision@R, mcc, wracc, auroc@F."
    ),
]


MaxAtoms = Annotated[
    int | None, typer.Option(min=1, help="Largest number of atoms in an expression, at most 4; 3 by default.")
]


Operators = Annotated[
    str | None, typer.Option(help="Operators that combine atoms: some of and,or,not; all by default.")
]


Strategy = Annotated[
    str | None,
    typer.Option(
        help="exact (default, proves the optimum), beam (cheaper), ripple (any size: mends small ones), "
        "or ecii (induce only: the language of ECII V2)."
    ),
]


TimeLimit = Annotated[float | None, typer.Option(help="Seconds for the search of one problem; no limit by default.")]


Entailment = Annotated[
    str | None,
    typer.Option(help="Reasoner, hermit or elk, to say which examples follow to be in each solution (open world)."),
]


EntailmentLimit = Annotated[float, typer.Option(min=1, help="Seconds for the reasoner.")]


Preset = Annotated[str | None, typer.Option(help="Kind of server: oxigraph, fuseki, graphdb, virtuoso or qlever.")]


Timeout = Annotated[float, typer.Option(min=1, help="Seconds after which a request is given up.")]


User = Annotated[str | None, typer.Option(help="User of the endpoint; the password is in NEURONTOLOGY_PASSWORD.")]


Auth = Annotated[
    str | None,
    typer.Option(help="basic, digest, or bearer (NEURONTOLOGY_PASSWORD holds a token); the preset's by default."),
]


Netrc = Annotated[Path | None, typer.Option(help="File in netrc format with the user and password of the host.")]


Model = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="efficientnet-lite0|1|2, timm:NAME, torchvision:NAME, FILE.py:factory …"),
]


ClusterAddress = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Let the workers of this Dask cluster do it, such as tcp://host:8786 (see docs/scale.md).",
    ),
]


Permutations = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Search again on so many permutations of the examples, for a p-value of the best score; none by default. "
        "It ends early where the p-value is large.",
    ),
]


Seed = Annotated[int | None, typer.Option(min=0, help="Seed of the permutations; 0 by default.")]


def names_in(option: str, text: str) -> tuple[str, ...]:
    """Read names with commas between them."""
    from ..ontology.errors import UsageError

    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if not parts:
        raise UsageError("nothing is named", where=option, expected="names with commas between them")
    return parts


Threshold = Annotated[
    str, typer.Option(help="An image activates a unit above this: an activation, or a share of its maximum, as 20%.")
]


Gate = Annotated[float, typer.Option(help="Percentage of the target images that must activate the unit.")]


Variant = Annotated[str, typer.Option(help="Rank test: one-sided (the target is higher) or two-sided.")]


Method = Annotated[str, typer.Option(help="Rank test: asymptotic, exact, or auto (exact where there are few images).")]


TieCorrection = Annotated[bool, typer.Option("--tie-correction", help="Rank test: correct the variance for ties.")]


Interval = Annotated[str, typer.Option(help="Interval of the AUC: delong or bootstrap.")]


Margins = Annotated[bool, typer.Option("--margins", help="Show how many fire above 0, 20, 40 and 60 % of the maximum.")]


CsvOut = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write all rows to this new file, too.")]


def induction_options(
    score: str | None,
    max_atoms: int | None,
    operators: str | None,
    top: int | None,
    strategy: str | None,
    time_limit: float | None,
    permutations: int | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """Options that were given, by their names in `InductionOptions`."""
    values = {
        "score": score,
        "max_atoms": max_atoms,
        "operators": None if operators is None else names_in("--operators", operators),
        "top": top,
        "strategy": strategy,
        "time_limit": time_limit,
        "permutations": permutations,
        "seed": seed,
    }
    return {name: value for name, value in values.items() if value is not None}


def check_shares(positive: float, negative: float) -> None:
    """Refuse shares of the maximum that define no example sets."""
    from ..ontology.errors import UsageError

    if not 0 <= negative < positive <= 1:
        raise UsageError(
            f"--negative {negative} and --positive {positive} are out of order",
            expected="0 <= negative < positive <= 1",
        )


def unit_numbers(text: str | None) -> list[int] | None:
    """Read numbers and ranges of units; None, for all of them, is left as it is."""
    from ..ontology.errors import UsageError

    if text is None:
        return None
    chosen: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and (not last.isdigit() or int(last) < int(first))):
            raise UsageError(f"{part!r} is no unit or range", where="--units", expected="such as 0,3,5-9")
        chosen.update(dict.fromkeys(range(int(first), int(last or first) + 1)))
    return sorted(chosen)


def criteria_of(
    threshold: str,
    gate: float,
    variant: str = "one-sided",
    method: str = "asymptotic",
    tie_correction: bool = False,
    interval: str = "delong",
) -> Criteria:
    """Gather the options of verification."""
    from ..analysis.statistics import RankTest
    from ..analysis.verification import Criteria
    from ..ontology.errors import UsageError

    relative = threshold.strip().endswith("%")
    try:
        number = float(threshold.strip().removesuffix("%"))
    except ValueError:
        raise UsageError(f"{threshold!r} is no threshold", where="--threshold", expected="such as 0.5 or 20%") from None
    return Criteria(
        threshold=number / 100 if relative else number,
        relative=relative,
        gate=gate,
        test=RankTest(cast("Alternative", variant), cast("RankMethod", method), tie_correction),
        interval=cast("IntervalMethod", interval),
    )


def binding(text: str) -> tuple[str, str]:
    """Read NAME=VALUE."""
    from ..ontology.errors import UsageError

    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(f"{text!r} binds nothing", where="--bind", expected="NAME=VALUE")
    return name, value
