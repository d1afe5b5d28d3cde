"""The command line: parses, calls, prints. Everything it does can be done from Python with the same words."""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

import typer
from typer.core import TyperGroup

from . import __version__

if TYPE_CHECKING:
    from rich.console import Console

    from .bridge.activations import Activations
    from .bridge.extension_effect import Effect
    from .bridge.hooks import Reduction
    from .kb_build.linking import Link
    from .ontology.extension import ExtensionReport
    from .ontology.kb import KB
    from .reasoner.learning import InductionOptions


class _DefaultCommand(TyperGroup):
    """A group whose first argument may be something else than a command: then `extract` is meant."""

    # The classes of typer's own copy of click have no public names, hence Any.
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["extract", *args]
        return super().resolve_command(ctx, args)


def _typer(help_text: str, cls: type[TyperGroup] = TyperGroup) -> typer.Typer:
    return typer.Typer(
        help=help_text,
        cls=cls,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


app = _typer("Name the hidden neurons of a network with concepts of a knowledge graph.")
kb_app = _typer("Build, fill, inspect and export knowledge bases.")
build_app = _typer("Build a knowledge base from a source.")
activations_app = _typer("Extract a layer's activations on images, or import them.", _DefaultCommand)
app.add_typer(kb_app, name="kb")
kb_app.add_typer(build_app, name="build")
app.add_typer(activations_app, name="activations")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
KbPath = Annotated[Path, typer.Argument(metavar="KB", help="Directory of the knowledge base.")]
Out = Annotated[Path, typer.Option("--out", help="New directory to write.")]
Score = Annotated[str, typer.Option(help="Score to maximise, such as f1, accuracy, balanced_accuracy, iou.")]
MaxAtoms = Annotated[int, typer.Option(min=1, help="Largest number of atoms in an expression.")]
Operators = Annotated[str, typer.Option(help="Operators that combine atoms: some of and,or,not.")]
Top = Annotated[int, typer.Option(min=1, help="Number of solutions.")]
Strategy = Annotated[
    str,
    typer.Option(help="exact (proves the optimum), beam (cheaper), or ecii (induce only: the language of ECII V2)."),
]
TimeLimit = Annotated[float | None, typer.Option(min=0, help="Seconds for the search of one problem.")]


@app.callback(epilog="--debug anywhere shows the traceback of an error.", invoke_without_command=False)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    pass


# -- knowledge bases ------------------------------------------------------------------------------------


@build_app.command("owl")
def build_owl(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="OWL or RDF files.")],
    out: Out,
    base: Annotated[str | None, typer.Option(help="Base IRI of what the knowledge base will record.")] = None,
    as_json: Json = False,
) -> None:
    """Build a knowledge base from OWL files, one named graph each."""
    from .kb_build.owl import build_owl
    from .ontology.vocabulary import DATA

    _print_info(build_owl(files, out, base=base or DATA), as_json)


@build_app.command("wikipedia")
def build_wikipedia(
    page: Annotated[Path, typer.Option(help="Dump of the table page.")],
    categorylinks: Annotated[Path, typer.Option(help="Dump of the table categorylinks.")],
    out: Out,
    linktarget: Annotated[Path | None, typer.Option(help="Dump of linktarget (needed since 2025).")] = None,
    page_props: Annotated[Path | None, typer.Option(help="Dump of page_props: hidden categories.")] = None,
    redirect: Annotated[Path | None, typer.Option(help="Dump of redirect: renamed categories.")] = None,
    articles: Annotated[bool, typer.Option("--articles", help="Make articles leaf classes.")] = False,
    language: Annotated[str, typer.Option(help="Language edition, for the IRIs.")] = "en",
    filters: Annotated[
        Path | None, typer.Option(help="File with the families of categories to leave out; ours by default.")
    ] = None,
    keep_all: Annotated[
        bool, typer.Option("--keep-all", help="Keep hidden, tracking, stub and maintenance categories.")
    ] = False,
    base: Annotated[str | None, typer.Option(help="Base IRI of what the knowledge base will record.")] = None,
    as_json: Json = False,
) -> None:
    """Build a knowledge base from MediaWiki table dumps, gzip or plain."""
    from .kb_build.category_filters import DEFAULT_FILTERS
    from .kb_build.wikipedia import WikipediaDumps
    from .kb_build.wikipedia_kb import build_wikipedia
    from .ontology.vocabulary import DATA

    dumps = WikipediaDumps(
        page=page,
        categorylinks=categorylinks,
        linktarget=linktarget,
        page_props=page_props,
        redirect=redirect,
    )
    kb = build_wikipedia(
        dumps,
        out,
        articles=articles,
        language=language,
        filters=None if keep_all else filters or DEFAULT_FILTERS,
        base=base or DATA,
    )
    _print_info(kb, as_json)


@build_app.command("skos")
def build_skos(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="N-Triples or Turtle, plain, .bz2 or .gz.")],
    out: Out,
    base: Annotated[str | None, typer.Option(help="Base IRI of what the knowledge base will record.")] = None,
    as_json: Json = False,
) -> None:
    """Build a knowledge base from SKOS concepts, such as DBpedia's categories."""
    from .kb_build.skos import build_skos
    from .ontology.vocabulary import DATA

    _print_info(build_skos(files, out, base=base or DATA), as_json)


@build_app.command("wordnet")
def build_wordnet(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with data.noun and index.noun: /usr/share/wordnet.")
    ],
    out: Out,
    base: Annotated[str | None, typer.Option(help="Base IRI of what the knowledge base will record.")] = None,
    as_json: Json = False,
) -> None:
    """Build a knowledge base from the nouns of WordNet."""
    from .kb_build.wordnet import build_wordnet
    from .ontology.vocabulary import DATA

    _print_info(build_wordnet(folder, out, base=base or DATA), as_json)


@kb_app.command("annotate")
def annotate_kb(
    kb: KbPath,
    kind: Annotated[str, typer.Argument(metavar="FORMAT", help="ade20k, coco, visual-genome, imagefolder or csv.")],
    path: Annotated[Path, typer.Argument(help="Folder or file with the annotations.")],
    name: Annotated[str | None, typer.Option(help="Name of the data set; the format's by default.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="SSSOM file that links names to classes.")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave broken files out and list them.")] = False,
    property_iri: Annotated[
        str | None,
        typer.Option("--property", help="IRI of the property that joins an image and its objects."),
    ] = None,
    base: Annotated[str | None, typer.Option(help="Base IRI of the individuals.")] = None,
    as_json: Json = False,
) -> None:
    """Add image annotations as individuals, in place of an earlier version of the data set."""
    from .kb_build.annotate import annotate, individual_base, read_annotations
    from .kb_build.sssom import read_sssom
    from .ontology.kb import KB

    images, bad = read_annotations(kind, path, skip_bad=skip_bad)
    store = KB.open(kb, writable=True)
    report = annotate(
        store,
        images,
        dataset=name or kind,
        origin=path.resolve(),
        mapping=None if mapping is None else read_sssom(mapping),
        property_iri=property_iri,
        base=base or individual_base(store, kind, name or kind),
    )
    record = {
        "dataset": report.dataset,
        "images": report.images,
        "objects": report.objects,
        "linked_names": len(report.links) - len(report.unresolved),
        "unresolved_names": list(report.unresolved),
        "changed": report.changed,
        "skipped": [{"where": b.where, "reason": b.reason} for b in bad],
    }
    if as_json:
        return _print_json(record)
    _say(f"{report.images} images, {report.objects} objects in data set {report.dataset}")
    _say(f"{record['linked_names']} names linked to classes, {len(report.unresolved)} became own classes")
    for broken in bad:
        _warn(f"skipped {broken.where}: {broken.reason}")
    if not report.changed:
        _say("the knowledge base held exactly this already")


@kb_app.command("link")
def link_names(
    kb: KbPath,
    names: Annotated[Path, typer.Argument(help="Text file, one name a line.")],
    out: Annotated[Path, typer.Option("--out", help="SSSOM file to write.")],
    as_json: Json = False,
) -> None:
    """Link names to classes and write the links as SSSOM, to be edited and given to `kb annotate`."""
    from .kb_build.linking import Linker, read_names
    from .kb_build.sssom import write_sssom
    from .ontology.kb import KB

    links = Linker(KB.open(kb)).link_all(read_names(names))
    write_sssom(links, out)
    unresolved = [link.name for link in links if link.iri is None]
    if as_json:
        return _print_json({"names": len(links), "linked": len(links) - len(unresolved), "unresolved": unresolved})
    _say(f"{len(links) - len(unresolved)} of {len(links)} names linked, written to {out}")
    _print_methods(links)


@kb_app.command("info")
def kb_info(kb: KbPath, as_json: Json = False) -> None:
    """Show what a knowledge base holds."""
    from .ontology.kb import KB

    _print_info(KB.open(kb), as_json)


@kb_app.command("export")
def export_kb(kb: KbPath, file: Annotated[Path, typer.Argument(help=".nq .trig .ttl .nt .rdf .jsonld")]) -> None:
    """Write everything a knowledge base holds to an RDF file."""
    from .ontology.kb import KB

    KB.open(kb).export(file)


@kb_app.command("extend")
def extend_kb(
    kb: KbPath,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Turtle, OWL …, or .csv with the columns child and parent.")
    ],
    name: Annotated[str | None, typer.Option(help="Name of the extension; the file's by default.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: Json = False,
) -> None:
    """Add domain knowledge as a named graph, in place of an earlier version, after validating it."""
    from .bridge.extension_effect import extension_effect
    from .kb_build.extension_file import read_extension
    from .ontology.extension import extend, extension_triples
    from .ontology.kb import KB
    from .ontology.overlay import Overlay

    opened = KB.open(kb, writable=not dry_run)
    before = opened.digest
    statements = read_extension(file, opened, name=name)
    report = extend(opened, statements, name=name, dry_run=dry_run)
    effect = None
    if report.added or report.removed:
        content = extension_triples(statements, report.name)
        changed = Overlay(opened, "extension", report.name, content) if dry_run else opened
        with _progress("units") as progress:
            effect = extension_effect(opened, changed, digest_before=before, progress=progress)
    _print_extension(report, effect, file, dry_run, as_json)


@kb_app.command("retract")
def retract_extension(
    kb: KbPath,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the extension.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: Json = False,
) -> None:
    """Remove an extension as a whole."""
    from .bridge.extension_effect import extension_effect
    from .ontology.extension import retract
    from .ontology.kb import KB
    from .ontology.overlay import Overlay

    opened = KB.open(kb, writable=not dry_run)
    before = opened.digest
    report = retract(opened, name, dry_run=dry_run)
    changed = Overlay(opened, "extension", name, None) if dry_run else opened
    with _progress("units") as progress:
        effect = extension_effect(opened, changed, digest_before=before, progress=progress)
    _print_extension(report, effect, name, dry_run, as_json)


@kb_app.command("check")
def check_kb(
    kb: KbPath,
    reasoner: Annotated[str, typer.Option(help="hermit")] = "hermit",
    time_limit: Annotated[float, typer.Option(min=1, help="Seconds for one question to the reasoner.")] = 300,
    as_json: Json = False,
) -> None:
    """Ask a reasoner whether the extensions contradict the knowledge base or themselves, and why."""
    from .ontology.consistency import check
    from .ontology.kb import KB

    verdict = check(KB.open(kb), reasoner=reasoner, time_limit=time_limit)
    if as_json:
        _print_json(verdict.to_json())
    elif verdict.consistent and not verdict.unsatisfiable:
        what = ", ".join(verdict.extensions) or "there are no extensions"
        _say(f"consistent ({what}; {verdict.axioms} axioms, {verdict.classes} classes)")
    else:
        if verdict.consistent:
            _say("these classes can have no instances: " + ", ".join(f"<{c}>" for c in verdict.unsatisfiable))
            _say(f"because, of <{verdict.unsatisfiable[0]}>:")
        else:
            _say("inconsistent, because:")
        for axiom in verdict.explanation:
            _say(f"  {axiom}")
        if not verdict.minimal:
            _say("the search for a smaller explanation was given up: not all of these need be to blame")
    if not verdict.consistent or verdict.unsatisfiable:
        raise typer.Exit(1)


# -- networks -------------------------------------------------------------------------------------------

Model = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="efficientnet-lite0|1|2, timm:NAME, torchvision:NAME, FILE.py:factory …"),
]


@app.command("layers")
def show_layers(model: Model, as_json: Json = False) -> None:
    """List a model's layers: name, kind, units, output shape, whether outputs are signed."""
    from dataclasses import asdict

    from .bridge.layers import list_layers
    from .bridge.models import load_model

    layers = list_layers(load_model(model))
    if as_json:
        return _print_json({"model": model, "layers": [asdict(layer) for layer in layers]})
    _print_table(
        ("layer", "kind", "units", "output", "signed"),
        [(la.name, la.kind, la.units, "×".join(map(str, la.shape)), "yes" if la.signed else "no") for la in layers],
    )


@activations_app.command("extract")
def extract_activations(
    model: Model,
    layer: Annotated[str, typer.Option(help="Layer, as `layers` lists it.")],
    images: Annotated[Path, typer.Option(help="Folder of images, searched recursively.")],
    out: Out,
    reduce: Annotated[str, typer.Option(help="Reduction over space or tokens: max, mean or cls.")] = "max",
    holdout: Annotated[float, typer.Option(help="Share of images held out for verification.")] = 0.5,
    seed: Annotated[int, typer.Option(help="Seed of the choice of held-out images.")] = 0,
    batch_size: Annotated[int, typer.Option(min=1, help="Images a forward pass.")] = 8,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave unreadable images out and list them.")] = False,
    as_json: Json = False,
) -> None:
    """Extract a layer's activations on images (the word `extract` may be left out)."""
    from .bridge.activations import extract
    from .bridge.models import load_model

    with _progress("images") as progress:
        activations = extract(
            load_model(model),
            layer,
            images,
            reduce=cast("Reduction", reduce),
            batch_size=batch_size,
            holdout=holdout,
            seed=seed,
            device=device,
            skip_bad=skip_bad,
            progress=progress,
            out=out,
        )
    _print_activations(activations, as_json)


@activations_app.command("import")
def import_activations(
    file: Annotated[Path, typer.Argument(help="CSV as published by Dalal et al., NPY, NPZ or Parquet.")],
    out: Out,
    holdout: Annotated[float, typer.Option(help="Share of images held out for verification.")] = 0.5,
    seed: Annotated[int, typer.Option(help="Seed of the choice of held-out images.")] = 0,
    layer: Annotated[str, typer.Option(help="Name of the layer.")] = "imported",
    model: Annotated[str, typer.Option(help="Name of the model.")] = "imported",
    as_json: Json = False,
) -> None:
    """Import activations that another program computed."""
    from .bridge.importers import import_activations

    activations = import_activations(file, out, holdout=holdout, seed=seed, model=model, layer=layer)
    _print_activations(activations, as_json)


# -- induction ------------------------------------------------------------------------------------------


@app.command("induce")
def induce_expression(
    kb: Annotated[Path | None, typer.Option("--kb", help="Knowledge base directory or OWL file.")] = None,
    problem: Annotated[Path | None, typer.Option(help="ECII .config, DL-Learner .conf or JSON.")] = None,
    positives: Annotated[Path | None, typer.Option(help="Text file, one positive individual a line.")] = None,
    negatives: Annotated[Path | None, typer.Option(help="Text file, one negative individual a line.")] = None,
    select: Annotated[str | None, typer.Option(help="Which problem of a file that holds several.")] = None,
    score: Score = "f1",
    max_atoms: MaxAtoms = 3,
    operators: Operators = "and,or,not",
    top: Top = 10,
    strategy: Strategy = "exact",
    time_limit: TimeLimit = None,
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
    as_json: Json = False,
) -> None:
    """Find the best class expressions for positive and negative individuals."""
    from .kb_build.owl import open_kb
    from .ontology.errors import UsageError
    from .reasoner.formats import read_lists, read_problem
    from .reasoner.knowledge import find_knowledge
    from .reasoner.solution_record import SolutionWriter, induction_record
    from .reasoner.solve import solve

    if problem is not None and positives is None and negatives is None:
        given = read_problem(problem, select=select)
    elif problem is None and positives is not None and negatives is not None:
        given = read_lists(positives, negatives)
    else:
        raise UsageError("the examples are not given", expected="--problem FILE, or --positives F and --negatives F")
    for warning in given.warnings:
        _warn(warning)
    if kb is None and not given.knowledge:
        raise UsageError("the knowledge base is not given", expected="--kb KB_OR_OWL")
    paths = [kb] if kb is not None else list(find_knowledge(given))
    opened = open_kb(paths)
    induction = solve(
        opened,
        given,
        _options(score, max_atoms, operators, top, strategy, time_limit),
        constructors=None if constructors is None else tuple(_listed(constructors)),
        depth=depth,
    )
    if induction.truncated is not None:
        _warn(f"not all expressions of the language were formed ({induction.truncated})")
    record = {
        "problem": given.name,
        "kb": ", ".join(map(str, paths)),
        **induction_record(induction, SolutionWriter(opened.names)),
    }
    if as_json:
        return _print_json(record)
    _print_induction(record)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _options(
    score: str, max_atoms: int, operators: str, top: int, strategy: str, time_limit: float | None
) -> InductionOptions:
    from .reasoner.learning import InductionOptions

    return InductionOptions(
        score=score,
        max_atoms=max_atoms,
        operators=tuple(_listed(operators)),
        top=top,
        strategy=strategy,
        time_limit=time_limit,
    )


@app.command("label")
def label_layer(
    context: typer.Context,
    out: Out,
    kb: Annotated[Path | None, typer.Option("--kb", help="Knowledge base directory.")] = None,
    activations: Annotated[Path | None, typer.Option(help="Activation directory.")] = None,
    update: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Take everything from this run and induce only what changed since."),
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set whose individuals the images are.")] = None,
    units: Annotated[str | None, typer.Option(help="Units, such as 0,3,5-9; all by default.")] = None,
    positive: Annotated[float, typer.Option(help="Share of the maximum from which an image is positive.")] = 0.8,
    negative: Annotated[float, typer.Option(help="Share of the maximum to which an image is negative.")] = 0.2,
    min_positives: Annotated[int, typer.Option(min=1, help="Fewest positive images for a label.")] = 3,
    score: Score = "f1",
    max_atoms: MaxAtoms = 3,
    operators: Operators = "and,or,not",
    top: Top = 5,
    strategy: Strategy = "exact",
    time_limit: TimeLimit = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Threads; the number of cores by default.")] = None,
    as_json: Json = False,
) -> None:
    """Label the units of a layer and record the labels as triples."""
    from .bridge.activations import Activations
    from .bridge.labelling import Thresholds, join_images, label_units
    from .bridge.recording import record_run
    from .bridge.run import save_run
    from .ontology.errors import UsageError
    from .ontology.kb import KB, refuse_existing

    if update is not None:
        return _update_labels(context, update, kb, activations, out, jobs, as_json)
    if kb is None or activations is None:
        raise UsageError("what to label is not given", expected="--kb KB --activations ACT, or --update RUN")
    # Before the work of minutes, not after it.
    refuse_existing(out)
    if not 0 <= negative < positive <= 1:
        raise UsageError(
            f"--negative {negative} and --positive {positive} are out of order",
            expected="0 <= negative < positive <= 1",
        )
    started, clock = datetime.now(UTC), perf_counter()
    chosen = None if units is None else _units(units)
    thresholds = Thresholds(positive, negative, min_positives)
    options = _options(score, max_atoms, operators, top, strategy, time_limit)
    store, acts = KB.open(kb, writable=True), Activations.open(activations)
    joined = join_images(store, acts, dataset)
    with _progress("units") as progress:
        labels = label_units(
            joined, acts, units=chosen, thresholds=thresholds, options=options, jobs=jobs, progress=progress
        )
    run = save_run(
        out,
        store,
        acts,
        joined,
        labels,
        units=chosen,
        thresholds=thresholds,
        options=options,
        started=started,
        elapsed_seconds=perf_counter() - clock,
    )
    record_run(store, run)
    if as_json:
        spent = {u.unit: u.induction.elapsed_seconds for u in labels if u.induction is not None}
        units_record = [{**u, "elapsed_seconds": spent.get(u["unit"])} for u in run.units]
        return _print_json({"run": str(out), "kb": str(kb), "units": units_record})
    _print_labels(run.units)
    _say(f"{joined.dataset}: {run.images} images; {run.elapsed_seconds:.1f} s; written to {out} and to {kb}")


def _update_labels(
    context: typer.Context,
    former: Path,
    kb: Path | None,
    activations: Path | None,
    out: Path,
    jobs: int | None,
    as_json: bool,
) -> None:
    from .bridge.activations import Activations
    from .bridge.recording import record_run
    from .bridge.run import open_run
    from .bridge.update import update_run
    from .ontology.errors import UsageError
    from .ontology.kb import KB, refuse_existing

    own = ("kb", "activations", "out", "update", "jobs", "as_json")
    given = [n for n in context.params if n not in own and str(context.get_parameter_source(n)).endswith("COMMANDLINE")]
    if given:
        raise UsageError(
            f"--{given[0].replace('_', '-')} cannot be given with --update, which keeps the settings of the run"
        )
    started, clock = datetime.now(UTC), perf_counter()
    run = open_run(former)
    refuse_existing(out)
    store = KB.open(kb or Path(run.config.kb), writable=True)
    acts = Activations.open(activations or Path(run.config.activations))
    with _progress("units") as progress:
        updated, induced = update_run(
            run,
            store,
            acts,
            out,
            started=started,
            clock=lambda: perf_counter() - clock,
            jobs=jobs,
            progress=progress,
        )
    record_run(store, updated)
    if as_json:
        return _print_json({"run": str(out), "kb": str(store.path), "units": updated.units, "induced": list(induced)})
    _print_labels(updated.units)
    _say(f"{len(induced)} units induced again, {updated.elapsed_seconds:.1f} s; written to {out} and to {store.path}")


@app.command("verify")
def verify_labels(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of the labelling run.")],
    activations: Annotated[Path, typer.Option(help="Activation directory of the run.")],
    kb: Annotated[Path | None, typer.Option("--kb", help="Knowledge base; the run's by default.")] = None,
    threshold: Annotated[float, typer.Option(help="An image activates a unit above this.")] = 0.0,
    as_json: Json = False,
) -> None:
    """Test each unit's best label on the held-out images and record the verdicts as triples."""
    from .analysis.run_verification import verify_run
    from .bridge.activations import Activations
    from .bridge.recording import record_verdicts
    from .bridge.run import open_run
    from .ontology.kb import KB

    labelled = open_run(run)
    store = KB.open(kb or Path(labelled.config.kb), writable=True)
    rows = [r.to_json() for r in verify_run(labelled, store, Activations.open(activations), threshold=threshold)]
    settings = {"threshold": threshold, "gate": 80, "alternative": "greater", "variant": "asymptotic"}
    record_verdicts(store, labelled, rows, settings)
    if as_json:
        return _print_json({"rows": rows})
    _print_verification(rows)


@app.command("verify-table")
def verify_published(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files or folders of published CSV.")],
    threshold: Annotated[float, typer.Option(help="An image activates a unit above this.")] = 0.0,
    as_json: Json = False,
) -> None:
    """Verify labels on activations published in the format of Dalal et al."""
    from .analysis.published import verify_table

    rows = [row.to_json() for row in verify_table(files, threshold=threshold)]
    if as_json:
        return _print_json({"rows": rows})
    _print_verification(rows)


# -- asking and showing ---------------------------------------------------------------------------------


@app.command("sparql")
def run_sparql(
    kb: KbPath,
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="SPARQL text, a file, or the name of a query.")
    ] = None,
    bind: Annotated[
        list[str] | None,
        typer.Option(help="Value of a variable, NAME=VALUE; VALUE is a class name, <IRI> or text."),
    ] = None,
    output_format: Annotated[str, typer.Option("--format", help="table, json, csv, tsv or turtle.")] = "table",
    as_json: Json = False,
) -> None:
    """Ask a SPARQL question; without one, list the questions that ship with the package."""
    from pyoxigraph import QuerySolutions

    from .ontology.errors import UsageError
    from .ontology.kb import KB
    from .ontology.sparql import FORMATS, named_queries, readable, rows, run_query, serialize

    if as_json:
        output_format = "json"
    if output_format not in FORMATS:
        raise UsageError(f"there is no format {output_format!r}", expected=f"one of {', '.join(FORMATS)}")
    opened = KB.open(kb)
    if query is None:
        shipped = named_queries().values()
        if output_format == "json":
            return _print_json({"queries": [{"name": q.name, "description": q.description} for q in shipped]})
        return _print_table(
            ("name", "question", "parameters"),
            [(q.name, q.description, ", ".join(q.parameters)) for q in shipped],
        )
    bindings = dict(_binding(b) for b in bind or [])
    results = run_query(opened, query, bindings)
    if output_format == "table" and isinstance(results, QuerySolutions):
        names, found = rows(results)
        table = [[readable(opened, term) for term in row] for row in found]
        _print_table(names, table)
        return _say(f"{len(table)} row{'' if len(table) == 1 else 's'}")
    if output_format == "table" and not isinstance(results, QuerySolutions):
        text = serialize(results, "turtle") if hasattr(results, "__iter__") else str(bool(results)).lower()
        return _write(text)
    return _write(serialize(results, output_format))


@app.command("serve")
def serve_kb(
    kb: KbPath,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 for a free one.")] = 7878,
    as_json: Json = False,
) -> None:
    """Serve a knowledge base as a read-only SPARQL endpoint with a query page, on this machine only."""
    from .ontology.kb import KB
    from .ontology.server import serve

    # A polite end must reach the clean-up below, like an interrupt.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with serve(KB.open(kb), port) as server:
        if as_json:
            _print_json({"url": server.url, "query": server.query})
        else:
            _say(f"{server.url} for people, {server.query} for programs; read-only, as of now; Ctrl-C ends it")
        sys.stdout.flush()
        try:
            status = server.wait()
        except KeyboardInterrupt:
            return
    raise typer.Exit(status)


@app.command("push")
def push_run(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of the labelling run.")],
    endpoint: Annotated[
        str, typer.Argument(metavar="ENDPOINT", help="Address of the update service, or the server's with --preset.")
    ],
    kb: Annotated[Path | None, typer.Option("--kb", help="Knowledge base; the run's by default.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="Kind of server: oxigraph, fuseki, graphdb, virtuoso or qlever.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds after which a request is given up.")] = 60,
    as_json: Json = False,
) -> None:
    """Write a run's labels and verdicts to a remote SPARQL endpoint; doing it again changes nothing."""
    from .bridge.push import push_run
    from .bridge.run import open_run
    from .ontology.endpoint import Endpoint
    from .ontology.kb import KB

    labelled = open_run(run)
    target = Endpoint.at(endpoint, preset=preset, timeout=timeout)
    written = push_run(KB.open(kb or Path(labelled.config.kb)), labelled, target)
    if as_json:
        graphs = [{"graph": graph, "written": is_new} for graph, is_new in written.items()]
        return _print_json({"endpoint": target.update, "graphs": graphs})
    for graph, is_new in written.items():
        _say(f"{graph} {'written' if is_new else 'was there already'}")


@app.command("report")
def write_report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of the labelling run.")],
    out: Annotated[Path, typer.Option("--out", help="Directory to write index.html into.")],
    activations: Annotated[Path | None, typer.Option(help="Activation directory; the run's by default.")] = None,
    kb: Annotated[Path | None, typer.Option("--kb", help="Knowledge base; the run's by default.")] = None,
    as_json: Json = False,
) -> None:
    """Write a self-contained HTML page with a card for each unit."""
    from .analysis.report import write_report
    from .bridge.activations import Activations
    from .bridge.run import open_run
    from .ontology.kb import KB

    labelled = open_run(run)
    page = write_report(
        labelled,
        KB.open(kb or Path(labelled.config.kb)),
        Activations.open(activations or Path(labelled.config.activations)),
        out,
    )
    if as_json:
        return _print_json({"report": str(page), "units": len(labelled.units)})
    _say(f"written to {page}")


@app.command("demo")
def run_demo(
    out: Annotated[Path, typer.Option("--out", help="Directory to write; must be new.")] = Path("demo"),
    as_json: Json = False,
) -> None:
    """Run the whole loop on the embedded example: synthetic scenes, a small CNN, a miniature wiki."""
    from .examples.demo import demo

    def nothing(*_: object) -> None:
        pass

    report = demo(out, say=nothing if as_json else _say, show=nothing if as_json else _print_table)
    if as_json:
        _print_json(report)


# -- reading options ------------------------------------------------------------------------------------


def _units(text: str) -> list[int]:
    from .ontology.errors import UsageError

    chosen: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and (not last.isdigit() or int(last) < int(first))):
            raise UsageError(f"{part!r} is no unit or range", where="--units", expected="such as 0,3,5-9")
        chosen.update(dict.fromkeys(range(int(first), int(last or first) + 1)))
    return sorted(chosen)


def _binding(text: str) -> tuple[str, str]:
    from .ontology.errors import UsageError

    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(f"{text!r} binds nothing", where="--bind", expected="NAME=VALUE")
    return name, value


# -- printing -------------------------------------------------------------------------------------------


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=None if stream.isatty() else 160)


def _write(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def _say(text: str) -> None:
    _write(text)


def _warn(text: str) -> None:
    sys.stderr.write(f"warning: {text}\n")


def _print_json(value: object) -> None:
    _write(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1))


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for position, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(r[position], int | float | None) for r in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_text(value) for value in row))
    _console().print(table)


def _text(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _print_info(kb: KB, as_json: bool) -> None:
    from .kb_build.source_details import details_json

    info, details = kb.info(), details_json(kb)
    if as_json:
        return _print_json({**info, "source_details": details})
    _print_table(
        ("what", "value"),
        [(k.replace("_", " "), ", ".join(v) or "none" if isinstance(v, list) else f"{v:,}") for k, v in info.items()],
    )
    if len(details) > 1:
        columns = [key.replace("_", " ") for key in details[0]]
        _print_table(["source", *columns[1:]], [list(row.values()) for row in details])


def _print_extension(
    report: ExtensionReport, effect: Effect | None, origin: object, dry_run: bool, as_json: bool
) -> None:
    notes = effect.notes if effect else ()
    if as_json:
        changes = [c.to_json() for c in effect.changes] if effect else []
        _print_json({**report.to_json(), "units_changed": changes, "notes": list(notes)})
    else:
        for kind, findings in (("warning", report.warnings), ("error", report.violations)):
            for f in findings:
                where = origin if f.line is None else f"{origin}:{f.line}"
                sys.stderr.write(f"{kind}: {where}: <{f.focus}> {f.message}\n")
        for note in notes:
            _warn(note)
        if report.conforms:
            _print_changes(report, effect, dry_run)
        else:
            count = len(report.violations)
            sys.stderr.write(f"error: {count} violation{'' if count == 1 else 's'}; the knowledge base is as it was.\n")
    if not report.conforms:
        raise typer.Exit(1)


def _print_changes(report: ExtensionReport, effect: Effect | None, dry_run: bool) -> None:
    from .ontology.names import human_label

    would = "would be " if dry_run else ""
    if not report.added and not report.removed:
        return _say(f"extension {report.name}: the knowledge base holds exactly this already")
    _say(f"extension {report.name}: {report.added} triples {would}added, {report.removed} removed")
    for sign, links in (("+", report.links_added), ("-", report.links_removed)):
        for child, parent in links:
            _say(f"{sign} {human_label(child)} ⊑ {human_label(parent)}")
    changes = effect.changes if effect else ()
    _say(f"{len(changes)} unit label{'' if len(changes) == 1 else 's'} {'would change' if dry_run else 'changed'}")
    if changes:
        _print_table(
            ("run", "layer", "unit", "before", "after"), [(c.run, c.layer, c.unit, c.before, c.after) for c in changes]
        )
        if not dry_run:
            _say("bring the runs up to date with `neurontology label --update RUN --out NEW`")


def _print_methods(links: Sequence[Link]) -> None:
    methods: dict[str, list[str]] = {}
    for link in links:
        methods.setdefault(link.method, []).append(link.name)
    _print_table(
        ("method", "names", "for example"),
        [(m, len(n), ", ".join(n[:5])) for m, n in sorted(methods.items())],
    )


def _print_activations(activations: Activations, as_json: bool) -> None:
    meta = activations.meta
    record = {
        "activations": str(activations.path),
        "model": meta.model,
        "layer": meta.layer,
        "reduce": meta.reduce,
        "images": meta.images,
        "units": meta.units,
        "held_out": len(activations.rows("holdout")),
        "signed": meta.signed,
        "skipped": list(meta.skipped),
    }
    if as_json:
        return _print_json(record)
    _print_table(("what", "value"), [(k.replace("_", " "), v) for k, v in record.items() if v != []])


def _print_induction(record: dict[str, Any]) -> None:
    score = record["score"]
    _print_table(
        (
            "rank",
            "expression",
            score if score in ("f1", "accuracy", "balanced_accuracy", "iou") else "f1",
            "tp",
            "fp",
            "tn",
            "fn",
            "length",
            "ties",
        ),
        [
            (
                s["rank"],
                s["dl"],
                s[score] if score in s else s["f1"],
                s["tp"],
                s["fp"],
                s["tn"],
                s["fn"],
                s["length"],
                len(s["equivalent"]),
            )
            for s in record["solutions"]
        ],
    )
    proof = (
        "proved: no expression of this language ranks higher"
        if record["proved_optimal"]
        else f"not proved: no expression scores above {record['upper_bound']:.4f}"
    )
    _say(
        f"{record['individuals']} examples, {record['atoms']} distinct atoms, "
        f"{record['elapsed_seconds']:.2f} s; {proof}"
    )


def _print_labels(units: Sequence[dict[str, Any]]) -> None:
    labelled = [u for u in units if u["solutions"]]
    _print_table(
        ("unit", "positives", "label", "f1", "proved"),
        [
            (
                u["unit"],
                u["positives"],
                u["solutions"][0]["english"],
                u["solutions"][0]["f1"],
                "yes" if u["proved_optimal"] else "no",
            )
            for u in labelled[:40]
        ],
    )
    if len(labelled) > 40:
        _say(f"… and {len(labelled) - 40} more: see labels.csv")
    reasons: dict[str, int] = {}
    for u in units:
        if not u["solutions"]:
            reason = u["status"].partition(":")[0]
            reasons[reason] = reasons.get(reason, 0) + 1
    proved = sum(u["proved_optimal"] for u in labelled)
    _say(f"{len(labelled)} of {len(units)} units labelled, {proved} proved optimal")
    for reason, count in sorted(reasons.items()):
        _say(f"{count} not labelled: {reason}")


def _print_verification(rows: Sequence[dict[str, Any]]) -> None:
    shown = sorted(rows, key=lambda r: -(r["auc"] or 0))[:40]
    _print_table(
        ("unit", "label", "images", "target %", "others %", "z", "p (Holm)", "AUC", "verdict"),
        [
            (
                r["unit"],
                r["label"],
                r["target_images"],
                r["target_percent"],
                r["non_target_percent"],
                r["z"],
                r["p_holm"],
                r["auc"],
                r["verdict"],
            )
            for r in shown
        ],
    )
    if len(rows) > len(shown):
        _say(f"… and {len(rows) - len(shown)} more: see --json")
    counts: dict[str, int] = {}
    for r in rows:
        verdict = r["verdict"].partition(":")[0]
        counts[verdict] = counts.get(verdict, 0) + 1
    _say(f"{len(rows)} labels: " + ", ".join(f"{n} {v}" for v, n in sorted(counts.items())))


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Give a callback that draws a progress bar, on a terminal only."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import Progress

    with Progress(console=_console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


# -- entry ----------------------------------------------------------------------------------------------


_EXTRAS = {"torch": "models", "PIL": "torch", "jinja2": "report"}
"""Extra that brings an optional package."""


def _report_defect(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    """Say in one paragraph what nobody foresaw; Python then exits with 1."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
    else:
        sys.stderr.write(
            f"error: {kind.__name__}: {error}. This is a defect of neurontology: please report it with the "
            "output of the same command and --debug.\n"
        )


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 the work failed, 2 the call was wrong."""
    from .ontology.errors import NeurontologyError

    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [a for a in given if a != "--debug"]
    if given == ["--version"]:
        _say(f"neurontology {__version__}")
        sys.exit(0)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    if not debug:
        sys.excepthook = _report_defect
    if hasattr(signal, "SIGPIPE") and given[:1] not in (["serve"], ["push"]):
        # `neurontology … | head` ends quietly, like any command; the two that hold connections must survive a
        # peer that closes one.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        # Not app(...): that would put the traceback printer of typer in the place of ours.
        typer.main.get_command(app)(given, prog_name="neurontology")
    except NeurontologyError as error:
        if debug:
            raise
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        if debug or error.name not in _EXTRAS:
            raise
        extra = _EXTRAS[error.name]
        sys.stderr.write(
            f"error: this needs the package {error.name}, which is not installed. "
            f"Run `pip install 'neurontology[{extra}]'`.\n"
        )
        sys.exit(1)
    sys.exit(0)
