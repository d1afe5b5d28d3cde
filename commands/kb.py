"""`kb`: fill, inspect, extend and check a knowledge base."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Json, KbPath
from .terminal import print_json, print_table, progress_bar, say, warn

if TYPE_CHECKING:
    from ..bridge.extension_effect import Effect
    from ..kb_build.linking import Link
    from ..ontology.extension import ExtensionReport
    from ..ontology.kb import KB


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
    from ..kb_build.annotate import annotate, individual_base, read_annotations
    from ..kb_build.sssom import read_sssom
    from ..ontology.kb import KB

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
        return print_json(record)
    say(f"{report.images} images, {report.objects} objects in data set {report.dataset}")
    say(f"{record['linked_names']} names linked to classes, {len(report.unresolved)} became own classes")
    for broken in bad:
        warn(f"skipped {broken.where}: {broken.reason}")
    if not report.changed:
        say("the knowledge base held exactly this already")


def link_names(
    kb: KbPath,
    names: Annotated[Path, typer.Argument(help="Text file, one name a line.")],
    out: Annotated[Path, typer.Option("--out", help="SSSOM file to write.")],
    similarity: Annotated[
        float | None,
        typer.Option(
            help="Link what no other way finds by meaning, if the cosine of the sentence embeddings is at least this; "
            "at 0.8 about 7 of 10 such links are right, so read them."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Link names to classes and write the links as SSSOM, to be edited and given to `kb annotate`."""
    from ..analysis.scorers.sentences import sentence_embeddings
    from ..kb_build.linking import Linker, read_names
    from ..kb_build.sssom import write_sssom
    from ..ontology.kb import KB

    linker = Linker(KB.open(kb))
    if similarity is not None:
        linker = Linker(KB.open(kb), embed=sentence_embeddings(), min_similarity=similarity)
    with progress_bar("labels") as progress:
        links = linker.link_all(read_names(names), progress=progress)
    write_sssom(links, out)
    unresolved = [link.name for link in links if link.iri is None]
    if as_json:
        return print_json({"names": len(links), "linked": len(links) - len(unresolved), "unresolved": unresolved})
    say(f"{len(links) - len(unresolved)} of {len(links)} names linked, written to {out}")
    _print_methods(links)


def kb_info(kb: KbPath, as_json: Json = False) -> None:
    """Show what a knowledge base holds."""
    from ..ontology.kb import KB

    print_info(KB.open(kb), as_json)


def export_kb(
    kb: KbPath,
    file: Annotated[Path, typer.Argument(help=".nq .trig .ttl .nt .rdf .jsonld")],
    as_json: Json = False,
) -> None:
    """Write everything a knowledge base holds to an RDF file."""
    from ..ontology.kb import KB

    KB.open(kb).export(file)
    if as_json:
        return print_json({"file": str(file)})
    say(f"written to {file}")


def extend_kb(
    kb: KbPath,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Turtle, OWL …, or .csv with the columns child and parent.")
    ],
    name: Annotated[str | None, typer.Option(help="Name of the extension; the file's by default.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    validation: Annotated[
        Path | None, typer.Option("--report", help="Write the findings to this file as a SHACL report, Turtle.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add domain knowledge as a named graph, in place of an earlier version, after validating it."""
    from ..bridge.extension_effect import extension_effect
    from ..kb_build.extension_file import read_extension
    from ..ontology.extension import extend, extension_triples
    from ..ontology.kb import KB
    from ..ontology.overlay import Overlay
    from ..ontology.validation_report import report_turtle, require_folder

    if validation is not None:
        require_folder(validation)
    opened = KB.open(kb, writable=not dry_run)
    before = opened.digest
    statements = read_extension(file, opened, name=name)
    report = extend(opened, statements, name=name, dry_run=dry_run)
    if validation is not None:
        validation.write_text(report_turtle((*report.violations, *report.warnings)), encoding="utf-8")
    effect = None
    if report.added or report.removed:
        content = extension_triples(statements, report.name)
        changed = Overlay(opened, "extension", report.name, content) if dry_run else opened
        with progress_bar("units") as progress:
            effect = extension_effect(opened, changed, digest_before=before, progress=progress)
    _print_extension(report, effect, file, dry_run, as_json)


def retract_extension(
    kb: KbPath,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the extension.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: Json = False,
) -> None:
    """Remove an extension as a whole."""
    from ..bridge.extension_effect import extension_effect
    from ..ontology.extension import retract
    from ..ontology.kb import KB
    from ..ontology.overlay import Overlay

    opened = KB.open(kb, writable=not dry_run)
    before = opened.digest
    report = retract(opened, name, dry_run=dry_run)
    changed = Overlay(opened, "extension", name, None) if dry_run else opened
    with progress_bar("units") as progress:
        effect = extension_effect(opened, changed, digest_before=before, progress=progress)
    _print_extension(report, effect, name, dry_run, as_json)


def check_kb(
    kb: Annotated[Path, typer.Argument(metavar="KB_OR_OWL", help="Knowledge base directory or OWL file.")],
    reasoner: Annotated[str, typer.Option(help="hermit")] = "hermit",
    time_limit: Annotated[float, typer.Option(min=1, help="Seconds for one question to the reasoner.")] = 300,
    whole: Annotated[
        bool, typer.Option("--whole", help="Look at everything, not only at what the extensions touch.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask a reasoner whether the knowledge base, or what its extensions touch, contradicts itself, and why."""
    from ..kb_build.owl import open_kb
    from ..ontology.consistency import check

    verdict = check(open_kb([kb]), reasoner=reasoner, time_limit=time_limit, whole=whole)
    if as_json:
        print_json(verdict.to_json())
    elif verdict.consistent and not verdict.unsatisfiable:
        what = "everything" if verdict.whole else ", ".join(verdict.extensions)
        size = f"{verdict.axioms} axioms, {verdict.classes} classes" if verdict.axioms else "no axiom denies anything"
        say(f"consistent ({what}; {size})")
    else:
        if verdict.consistent:
            say("these classes can have no instances: " + ", ".join(f"<{c}>" for c in verdict.unsatisfiable))
            say(f"because, of <{verdict.unsatisfiable[0]}>:")
        else:
            say("inconsistent, because:")
        for axiom in verdict.explanation:
            say(f"  {axiom}")
        if not verdict.minimal:
            say("the search for a smaller explanation was given up: not all of these need be to blame")
    if not verdict.consistent or verdict.unsatisfiable:
        raise typer.Exit(1)


def print_info(kb: KB, as_json: bool) -> None:
    """Show what a knowledge base holds."""
    from ..kb_build.source_details import details_json
    from ..ontology.names import is_canonical

    info, details = kb.info(), details_json(kb)
    if as_json:
        return print_json({**info, "source_details": details})
    wikis = info.pop("category_namespaces")
    if wikis:
        info["category_namespaces"] = [f"{space} (canonical name)" if is_canonical(space) else space for space in wikis]
    print_table(
        ("what", "value"),
        [(k.replace("_", " "), ", ".join(v) or "none" if isinstance(v, list) else f"{v:,}") for k, v in info.items()],
    )
    if len(details) > 1:
        columns = [key.replace("_", " ") for key in details[0]]
        print_table(["source", *columns[1:]], [list(row.values()) for row in details])


def _print_extension(
    report: ExtensionReport, effect: Effect | None, origin: object, dry_run: bool, as_json: bool
) -> None:
    notes = effect.notes if effect else ()
    if as_json:
        changes = [c.to_json() for c in effect.changes] if effect else []
        print_json({**report.to_json(), "units_changed": changes, "notes": list(notes)})
    else:
        for kind, findings in (("warning", report.warnings), ("error", report.violations)):
            for f in findings:
                where = origin if f.line is None else f"{origin}:{f.line}"
                sys.stderr.write(f"{kind}: {where}: <{f.focus}> {f.message}\n")
        for note in notes:
            warn(note)
        if report.conforms:
            _print_changes(report, effect, dry_run)
        else:
            count = len(report.violations)
            sys.stderr.write(f"error: {count} violation{'' if count == 1 else 's'}; the knowledge base is as it was.\n")
    if not report.conforms:
        raise typer.Exit(1)


def _print_changes(report: ExtensionReport, effect: Effect | None, dry_run: bool) -> None:
    from ..ontology.names import human_label

    would = "would be " if dry_run else ""
    if not report.added and not report.removed:
        return say(f"extension {report.name}: the knowledge base holds exactly this already")
    say(f"extension {report.name}: {report.added} triples {would}added, {report.removed} removed")
    for sign, links in (("+", report.links_added), ("-", report.links_removed)):
        for child, parent in links:
            say(f"{sign} {human_label(child)} ⊑ {human_label(parent)}")
    changes = effect.changes if effect else ()
    say(f"{len(changes)} unit label{'' if len(changes) == 1 else 's'} {'would change' if dry_run else 'changed'}")
    if changes:
        print_table(
            ("run", "layer", "unit", "before", "after"), [(c.run, c.layer, c.unit, c.before, c.after) for c in changes]
        )
        if not dry_run:
            say("bring the runs up to date with `neurontology label --update RUN --out NEW`")


def _print_methods(links: Sequence[Link]) -> None:
    methods: dict[str, list[str]] = {}
    for link in links:
        methods.setdefault(link.method, []).append(link.name)
    print_table(
        ("method", "names", "for example"),
        [(m, len(n), ", ".join(n[:5])) for m, n in sorted(methods.items())],
    )
