"""`sparql`, `serve`, `push`, `report` and `demo`: what others get to see."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from .options import Auth, Json, KbPath, Netrc, Preset, Timeout, User, binding
from .terminal import print_json, print_table, say


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

    from ..ontology.errors import UsageError
    from ..ontology.kb import KB
    from ..ontology.sparql import FORMATS, named_queries, readable, rows, run_query, serialize

    if as_json:
        output_format = "json"
    if output_format not in FORMATS:
        raise UsageError(f"there is no format {output_format!r}", expected=f"one of {', '.join(FORMATS)}")
    opened = KB.open(kb)
    if query is None:
        shipped = named_queries().values()
        if output_format == "json":
            return print_json({"queries": [{"name": q.name, "description": q.description} for q in shipped]})
        return print_table(
            ("name", "question", "parameters"),
            [(q.name, q.description, ", ".join(q.parameters)) for q in shipped],
        )
    bindings = dict(binding(b) for b in bind or [])
    results = run_query(opened, query, bindings)
    if output_format == "table" and isinstance(results, QuerySolutions):
        names, found = rows(results)
        table = [[readable(opened, term) for term in row] for row in found]
        print_table(names, table)
        return say(f"{len(table)} row{'' if len(table) == 1 else 's'}")
    if output_format == "table" and not isinstance(results, QuerySolutions):
        text = serialize(results, "turtle") if hasattr(results, "__iter__") else str(bool(results)).lower()
        return say(text)
    return say(serialize(results, output_format))


def serve_kb(
    kb: KbPath,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for a free one.")] = 7878,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any other than this machine's own needs a token.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="NEURONTOLOGY_TOKEN",
            help="What clients have to know: Authorization: Bearer TOKEN, or the password in a browser. Other users "
            "of this machine see the arguments of a command, so the environment is the better place.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve a knowledge base as a read-only SPARQL endpoint with a query page, on this machine or with a token."""
    from ..ontology.kb import KB
    from ..ontology.server import serve

    # A polite end must reach the clean-up below, like an interrupt.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with serve(KB.open(kb), port, host=host, token=token) as server:
        if as_json:
            print_json({"url": server.url, "query": server.query})
        else:
            say(f"{server.url} for people, {server.query} for programs; read-only, as of now; Ctrl-C ends it")
        sys.stdout.flush()
        try:
            status = server.wait()
        except KeyboardInterrupt:
            return
    raise typer.Exit(status)


def push_run(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of the labelling run.")],
    endpoint: Annotated[
        str, typer.Argument(metavar="ENDPOINT", help="Address of the update service, or the server's with --preset.")
    ],
    kb: Annotated[Path | None, typer.Option("--kb", help="Knowledge base; the run's by default.")] = None,
    preset: Preset = None,
    user: User = None,
    auth: Auth = None,
    netrc: Netrc = None,
    timeout: Timeout = 60,
    as_json: Json = False,
) -> None:
    """Write a run's labels and verdicts to a remote SPARQL endpoint; doing it again changes nothing."""
    from ..bridge.push import push_run
    from ..bridge.run import open_run
    from ..ontology.endpoint import Endpoint
    from ..ontology.kb import KB

    labelled = open_run(run)
    target = Endpoint.at(endpoint, preset=preset, timeout=timeout)
    target = target.signed_in(user=user, scheme=auth, netrc_file=netrc)
    written = push_run(KB.open(kb or Path(labelled.config.kb)), labelled, target)
    if as_json:
        graphs = [{"graph": graph, "written": is_new} for graph, is_new in written.items()]
        return print_json({"endpoint": target.update, "graphs": graphs})
    for graph, is_new in written.items():
        say(f"{graph} {'written' if is_new else 'was there already'}")


def write_report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of the labelling run.")],
    out: Annotated[Path, typer.Option("--out", help="Directory to write index.html into.")],
    activations: Annotated[Path | None, typer.Option(help="Activation directory; the run's by default.")] = None,
    kb: Annotated[Path | None, typer.Option("--kb", help="Knowledge base; the run's by default.")] = None,
    threshold: Annotated[float, typer.Option(help="An image activates a unit when its activation is above this.")] = 0,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the images; by default where they were for the activations.")
    ] = None,
    facets: Annotated[
        Path | None,
        typer.Option(help="Directory of `facets --out`, or output of `facets --json`; what is recorded by default."),
    ] = None,
    descriptions: Annotated[
        Path | None, typer.Option(help="File of `describe --out`; what is recorded by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a self-contained HTML page with a card for each unit."""
    from ..analysis.report import write_report
    from ..bridge.activations import Activations
    from ..bridge.run import open_run
    from ..ontology.kb import KB

    labelled = open_run(run)
    page = write_report(
        labelled,
        KB.open(kb or Path(labelled.config.kb)),
        Activations.open(activations or Path(labelled.config.activations)),
        out,
        threshold=threshold,
        images=images,
        facets=facets,
        descriptions=descriptions,
    )
    if as_json:
        return print_json({"report": str(page), "units": len(labelled.units)})
    say(f"written to {page}")


def run_demo(
    out: Annotated[Path, typer.Option("--out", help="Directory to write; must be new.")] = Path("demo"),
    as_json: Json = False,
) -> None:
    """Run the whole loop on the embedded example: synthetic scenes, a small CNN, a miniature wiki."""
    from ..examples.demo import demo

    def nothing(*_: object) -> None:
        pass

    report = demo(out, say=nothing if as_json else say, show=nothing if as_json else print_table)
    if as_json:
        print_json(report)
