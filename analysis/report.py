"""The report of a run: one HTML page that needs nothing but itself, and a table of its units."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..bridge.activations import Activations
from ..bridge.packages import import_package
from ..bridge.run import Run
from ..ontology.errors import UsageError
from ..ontology.kb import KB
from ..ontology.staging import building, refuse_existing
from . import report_wording as wording
from .recorded_experiments import RecordedExperiments, recorded_experiments
from .report_card import TIES_SHOWN, TOP_IMAGES, UnitCard, unit_card
from .report_chart import SMALL_GROUP
from .report_evidence import Evidence, gather_evidence
from .report_lineage import Lineage
from .report_methods import Methods, agreeing, read_methods
from .report_overview import layer_overview
from .report_pages import page_environment, page_parts
from .report_patches import patch_strips
from .report_thumbnails import Thumbnail, ThumbnailSheet, make_thumbnails
from .statistics import RankTest
from .verification import ALPHA, GATE, MIN_IMAGES, VerificationRow

if TYPE_CHECKING:
    from jinja2 import Environment

PAGE, TABLE = "index.html", "units.csv"

_RECORD_COLUMNS: Final = (
    "layer", "unit", "label", "verdict", "status", "positives", "negatives", "maximum", "proved_optimal",
    "upper_bound", "permutation_p",
)  # fmt: skip
_SOLUTION_COLUMNS: Final = (
    "manchester", "dl", "length", "f1", "accuracy", "balanced_accuracy", "precision", "recall",
    "iou", "tp", "fp", "tn", "fn",
)  # fmt: skip
_ROW_COLUMNS: Final = tuple(c for c in VerificationRow.columns() if c not in {"unit", "label", "verdict"})


def write_report(
    run: Run,
    kb: KB,
    activations: Activations,
    out: Path,
    *,
    threshold: float = 0.0,
    images: Path | None = None,
    facets: Path | None = None,
    descriptions: Path | None = None,
) -> Path:
    """Write a new directory with ``index.html``, a card for each unit, and ``units.csv``.

    The page holds its style, its script and small copies of the images; it asks the network for nothing, and
    its content security policy forbids it to. The verdicts are computed here, as `run_verification.verify_run`
    gives them; where no image was held out the page says so. The same input gives the same bytes.

    Parameters
    ----------
    run
        The labelling run.
    kb, activations
        What it was made from.
    out
        The directory, which must not exist or be empty. It appears when it is complete.
    threshold
        An image activates a unit when its activation is above this.
    images
        Folder of the photographs, where the activations do not say where they are or they have moved.
    facets
        Directory written by ``facets --out``, or a file with the output of ``facets --json``; by default what the
        knowledge base has.
    descriptions
        File written by ``describe --out``; by default what the knowledge base has.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    UsageError
        `out` exists and is not empty, `images` is no folder, or facets or descriptions are not there or of another
        layer.
    DataError
        The activations, the knowledge, the facets or the descriptions are not those of the run, or are broken.
    MissingDependencyError
        Jinja2 or Pillow is not installed.
    """
    out = Path(out)
    refuse_existing(out)
    environment = page_environment()
    import_package("PIL.Image", "a report", "'neurontology[report]'")
    if images is not None and not images.is_dir():
        raise UsageError("there is no such folder", where=images, expected="the folder of the photographs")
    methods = read_methods(run, kb, activations, facets=facets, descriptions=descriptions)
    strips = patch_strips(methods)
    evidence = gather_evidence(run, kb, activations, threshold)
    cards = [unit_card(evidence, record, methods) for record in run.units]
    rows = [*(image.row for card in cards for image in card.images), *methods.rows]
    sheet = make_thumbnails(activations, rows, images)
    experiments = recorded_experiments(kb, activations, run)
    page = _page(environment, evidence, cards, sheet, methods, strips, experiments)
    out.parent.mkdir(parents=True, exist_ok=True)
    with building(out) as folder:
        # File names may hold bytes that are no text; what cannot be written is shown as a question mark.
        (folder / PAGE).write_text(page, encoding="utf-8", errors="replace", newline="\n")
        _write_table(folder / TABLE, run, cards)
    return out / PAGE


def _page(
    environment: Environment,
    evidence: Evidence,
    cards: Sequence[UnitCard],
    sheet: ThumbnailSheet,
    methods: Methods,
    strips: Mapping[tuple[int, int], Thumbnail],
    experiments: RecordedExperiments,
) -> str:
    run, meta = evidence.run, evidence.activations.meta
    shown = list(sheet.thumbnails)
    # Units often share their classes; each picture of the hierarchy is stored once.
    lineages: dict[Lineage, int] = {}
    for card in cards:
        if card.lineage is not None and (card.lineage.links or card.lineage.gaps):
            lineages.setdefault(card.lineage, len(lineages))
    return environment.get_template("report.html").render(
        run=run,
        meta=meta,
        cards=cards,
        cards_of={card.record["unit"]: card for card in cards},
        experiments=experiments,
        overview=layer_overview(cards),
        layer_units=evidence.activations.units,
        images=len(evidence.joined.images),
        held_out=int((evidence.held_out & evidence.annotated).sum()),
        tested=evidence.tested,
        variant=RankTest().sentence,
        verdicts=wording.VERDICTS,
        threshold=evidence.threshold,
        gate=GATE,
        alpha=ALPHA,
        minimum=MIN_IMAGES,
        small_group=SMALL_GROUP,
        top_images=TOP_IMAGES,
        ties_shown=TIES_SHOWN,
        thumbnails=sheet.thumbnails,
        places={row: place for place, row in enumerate(shown)},
        lineages=lineages,
        methods=methods,
        agreeing=agreeing,
        relations=wording.RELATION_WORDS,
        strips={key: (strip, len(shown) + place) for place, (key, strip) in enumerate(strips.items())},
        missing=sheet.missing,
        missing_reasons=Counter(reason.partition(" (")[0] for reason in sheet.missing.values()).most_common(),
        thumbnail_data=[*(sheet.thumbnails[row].data for row in shown), *(strip.data for strip in strips.values())],
        **page_parts("report.js"),
    )


def _write_table(path: Path, run: Run, cards: Sequence[UnitCard]) -> None:
    """Write a row for each unit; what is unknown stays empty."""
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow((*_RECORD_COLUMNS, *_SOLUTION_COLUMNS, *_ROW_COLUMNS))
        for card in cards:
            record, best = card.record, card.best
            row = card.row.to_columns() if card.row else {}
            table.writerow(
                (
                    run.config.layer,
                    record["unit"],
                    best["english"] if best else "",
                    card.row.verdict if card.row else card.verdict,
                    record["status"],
                    record["positives"],
                    record["negatives"],
                    record["maximum"],
                    record["proved_optimal"] if best else "",
                    record["upper_bound"] if best else "",
                    record.get("permutation_p"),
                    *(best[column] if best else "" for column in _SOLUTION_COLUMNS),
                    *(row.get(column) for column in _ROW_COLUMNS),
                )
            )
