"""The whole loop on the embedded example: from dumps, scenes and a network to labels one can query."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from pathlib import Path
from time import perf_counter
from typing import Any

from pyoxigraph import QuerySolutions

from ..analysis.report import write_report
from ..analysis.run_verification import verify_run
from ..analysis.verdict_record import verdict_records
from ..analysis.verification import Criteria
from ..bridge.activations import extract
from ..bridge.example_rules import Thresholds
from ..bridge.labelling import join_images, label_units
from ..bridge.models import load_model
from ..bridge.recording import record_run, record_verdicts
from ..bridge.run import save_run
from ..kb_build.ade20k import read_ade20k
from ..kb_build.annotate import annotate
from ..kb_build.wikipedia import WikipediaDumps
from ..kb_build.wikipedia_kb import build_wikipedia
from ..ontology.kb import KB
from ..ontology.sparql import readable, rows, run_query
from ..ontology.staging import refuse_existing
from ..reasoner.learning import InductionOptions
from .cnn import LAYER, train, write_factory
from .scenes import write_scenes

TRAINING_SCENES, PROBING_SCENES = 600, 480
DATASET = "synthetic"
QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("units-under", {"concept": "Vehicles"}),
    ("units-under", {"concept": "Landforms"}),
    ("confirmed", {}),
)

Show = Callable[[Sequence[str], Sequence[Sequence[object]]], None]


def demo(out: str | Path, *, say: Callable[[str], None], show: Show, seed: int = 0) -> dict[str, Any]:
    """Run every step of the product on synthetic scenes, a network trained on the spot, and a miniature wiki.

    Parameters
    ----------
    out
        New directory for everything that is made.
    say
        Called with each line of text.
    show
        Called with the columns and rows of each table.
    seed
        Seed of scenes and training.

    Returns
    -------
    dict
        Counts, how well the labels hold on held-out scenes, the answers, where the report is.

    Raises
    ------
    UsageError
        `out` exists and is not empty.
    """
    out = Path(out)
    refuse_existing(out)
    out.mkdir(parents=True, exist_ok=True)
    clock = perf_counter()

    def step(number: int, text: str) -> None:
        say(f"\n[{number}/7, {perf_counter() - clock:.0f} s] {text}")

    step(1, "Knowledge base from a miniature category dump in MediaWiki's format (written for this demo)")
    kb_path = _build(out)
    info = KB.open(kb_path).info()
    say(
        f"{info['classes']} classes, {info['subclass_axioms']} links; {info['removed_edges']} links left out to "
        f"break cycles, each listed in {kb_path / 'removed.tsv'}"
    )

    step(2, "Synthetic scenes: drawn, annotated exactly, not photographs")
    write_scenes(out / "training", count=TRAINING_SCENES, seed=seed + 1)
    write_scenes(out / "scenes", count=PROBING_SCENES, seed=seed + 2)
    images, _ = read_ade20k(out / "scenes")
    kb = KB.open(kb_path, writable=True)
    annotation = annotate(kb, images, dataset=DATASET, origin=out / "scenes")
    say(
        f"{TRAINING_SCENES} scenes to train on; {annotation.images} others with {annotation.objects} objects to "
        f"probe the network with, {len(annotation.links) - len(annotation.unresolved)} names linked to classes"
    )

    step(3, "A small CNN, trained on the spot")
    trained = train(out / "training", out / "weights.pt", seed=seed)
    say(
        f"objects recognised: {trained.object_accuracy:.1%} right (always guessing the commoner answer: "
        f"{trained.object_baseline:.1%}); kind of scene: {trained.kind_accuracy:.1%} ({trained.kind_baseline:.1%})"
    )

    step(4, f"Activations of the layer {LAYER} on the probing scenes, half of which are held out")
    model = load_model(write_factory(out / "network.py", out / "weights.pt"))
    activations = extract(model, LAYER, out / "scenes", out=out / "activations", reduce="max", seed=seed)
    say(f"{activations.meta.images} scenes × {activations.units} units")

    step(5, "Labels: the best class expressions of up to three atoms, proved, for every unit")
    started, begun = datetime.now(UTC), perf_counter()
    thresholds, options = Thresholds(), InductionOptions(top=5)
    joined = join_images(kb, activations)
    labels = label_units(joined, activations, thresholds=thresholds, options=options)
    run = save_run(
        out / "run",
        kb,
        activations,
        joined,
        labels,
        units=None,
        thresholds=thresholds,
        options=options,
        started=started,
        elapsed_seconds=perf_counter() - begun,
        record=partial(record_run, kb),
    )
    labelled = [u for u in run.units if u["solutions"]]
    proved = sum(u["proved_optimal"] for u in labelled)
    say(f"{len(labelled)} of {len(run.units)} units labelled, {proved} proved optimal")
    show(
        ("unit", "label", "F1"),
        [(u["unit"], u["solutions"][0]["english"], u["solutions"][0]["f1"]) for u in labelled[:8]],
    )

    step(6, "Verification on the held-out scenes")
    criteria = Criteria()
    verified = verify_run(run, kb, activations, criteria)
    record_verdicts(kb, run, verdict_records(verified, run), criteria.settings())
    counts = Counter(row.verdict.partition(":")[0] for row in verified)
    aucs = [row.auc for row in verified if row.auc is not None]
    say(f"of {len(verified)} labels: " + ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items())))
    say(
        f"a held-out scene with the label excites the unit more than one without it in {statistics.median(aucs):.0%}"
        " of pairs (median AUC; 50 % is chance)"
    )

    step(7, "Report, and three questions in SPARQL")
    page = write_report(run, kb, activations, out / "report")
    answers = [_answer(kb, name, bindings, say, show) for name, bindings in QUESTIONS]
    seconds = perf_counter() - clock
    say(f"\nDone in {seconds:.0f} s. Open {page} in a browser, or ask your own questions:")
    say(f"  neurontology sparql {kb_path} units-under --bind concept=Plants")
    return {
        "out": str(out),
        "kb": str(kb_path),
        "run": str(out / "run"),
        "report": str(page),
        "units": len(run.units),
        "labelled": len(labelled),
        "proved_optimal": proved,
        "verdicts": dict(counts),
        "median_auc": statistics.median(aucs),
        "answers": answers,
        "seconds": seconds,
    }


def _build(out: Path) -> Path:
    with resources.as_file(resources.files(__package__).joinpath("wiki")) as wiki:
        dumps = WikipediaDumps(
            page=wiki / "page.sql",
            categorylinks=wiki / "categorylinks.sql",
            linktarget=wiki / "linktarget.sql",
            page_props=wiki / "page_props.sql",
            redirect=wiki / "redirect.sql",
        )
        build_wikipedia(dumps, out / "kb")
    return out / "kb"


def _answer(kb: KB, name: str, bindings: dict[str, str], say: Callable[[str], None], show: Show) -> dict[str, Any]:
    asked = " ".join([name, *(f"--bind {variable}={value}" for variable, value in bindings.items())])
    say(f"\n> {asked}")
    results = run_query(kb, name, bindings)
    if not isinstance(results, QuerySolutions):
        raise TypeError(f"{name} gives no table")
    columns, found = rows(results)
    table = [[readable(kb, term) for term in row] for row in found]
    show(columns, table[:8])
    if len(table) > 8:
        say(f"… and {len(table) - 8} rows more")
    return {"query": asked, "rows": len(table)}
