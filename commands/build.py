"""`kb build`: a knowledge base from a source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from .kb import print_info
from .options import Auth, Json, Netrc, Out, Preset, Timeout, User
from .terminal import progress_bar, stage_bars

if TYPE_CHECKING:
    from ..kb_build.cycles import Strategy as CycleStrategy


def build_owl(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="OWL or RDF files.")],
    out: Out,
    base: Annotated[str | None, typer.Option(help="Base IRI of what the knowledge base will record.")] = None,
    as_json: Json = False,
) -> None:
    """Build a knowledge base from OWL files, one named graph each."""
    from ..kb_build.owl import build_owl
    from ..ontology.vocabulary import DATA

    print_info(build_owl(files, out, base=base or DATA), as_json)


def build_wikipedia(
    page: Annotated[Path, typer.Option(help="Dump of the table page.")],
    categorylinks: Annotated[Path, typer.Option(help="Dump of the table categorylinks.")],
    out: Out,
    linktarget: Annotated[Path | None, typer.Option(help="Dump of linktarget (needed since 2025).")] = None,
    page_props: Annotated[Path | None, typer.Option(help="Dump of page_props: hidden categories.")] = None,
    redirect: Annotated[Path | None, typer.Option(help="Dump of redirect: renamed categories.")] = None,
    category: Annotated[Path | None, typer.Option(help="Dump of category: how many links to expect.")] = None,
    articles: Annotated[bool, typer.Option("--articles", help="Make articles leaf classes.")] = False,
    language: Annotated[str, typer.Option(help="Language edition of Wikipedia, for the IRIs.")] = "en",
    siteinfo: Annotated[
        Path | None,
        typer.Option(
            help="XML dump or siteinfo file of the wiki: its address and its name for categories, for the IRIs."
        ),
    ] = None,
    filters: Annotated[
        Path | None, typer.Option(help="File with the families of categories to leave out; ours by default.")
    ] = None,
    keep_all: Annotated[
        bool, typer.Option("--keep-all", help="Keep hidden, tracking, stub and maintenance categories.")
    ] = False,
    cycles: Annotated[str, typer.Option(help="How cycles are broken: eades, depth or dfs.")] = "eades",
    base: Annotated[str | None, typer.Option(help="Base IRI of what the knowledge base will record.")] = None,
    as_json: Json = False,
) -> None:
    """Build a knowledge base from MediaWiki table dumps, gzip or plain. After an interruption it goes on."""
    from ..kb_build.category_filters import DEFAULT_FILTERS
    from ..kb_build.siteinfo import read_site
    from ..kb_build.wikipedia import WikipediaDumps
    from ..kb_build.wikipedia_kb import build_wikipedia
    from ..ontology.vocabulary import DATA

    dumps = WikipediaDumps(
        page=page,
        categorylinks=categorylinks,
        linktarget=linktarget,
        page_props=page_props,
        redirect=redirect,
        category=category,
    )
    with stage_bars() as progress:
        kb = build_wikipedia(
            dumps,
            out,
            articles=articles,
            language=language,
            site=None if siteinfo is None else read_site(siteinfo),
            filters=None if keep_all else filters or DEFAULT_FILTERS,
            cycles=cast("CycleStrategy", cycles),
            base=base or DATA,
            progress=progress,
        )
    print_info(kb, as_json)


def build_skos(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="N-Triples or Turtle, plain, .bz2 or .gz.")],
    out: Out,
    base: Annotated[str | None, typer.Option(help="Base IRI of what the knowledge base will record.")] = None,
    as_json: Json = False,
) -> None:
    """Build a knowledge base from SKOS concepts, such as DBpedia's categories."""
    from ..kb_build.skos import build_skos
    from ..ontology.vocabulary import DATA

    print_info(build_skos(files, out, base=base or DATA), as_json)


def build_wordnet(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with data.noun and index.noun: /usr/share/wordnet.")
    ],
    out: Out,
    base: Annotated[str | None, typer.Option(help="Base IRI of what the knowledge base will record.")] = None,
    as_json: Json = False,
) -> None:
    """Build a knowledge base from the nouns of WordNet."""
    from ..kb_build.wordnet import build_wordnet
    from ..ontology.vocabulary import DATA

    print_info(build_wordnet(folder, out, base=base or DATA), as_json)


def build_sparql(
    endpoint: Annotated[
        str, typer.Argument(metavar="ENDPOINT", help="Address of the query service, or the server's with --preset.")
    ],
    out: Out,
    graph: Annotated[str | None, typer.Option(help="Named graph to read, not the default graph.")] = None,
    query: Annotated[
        str | None, typer.Option(help="SELECT query with ?class and ?parent, ?label or both; SPARQL text or a file.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the source; the endpoint's host by default.")] = None,
    page: Annotated[int, typer.Option(min=2, help="Rows to ask for at once.")] = 10_000,
    preset: Preset = None,
    user: User = None,
    auth: Auth = None,
    netrc: Netrc = None,
    timeout: Timeout = 60,
    base: Annotated[str | None, typer.Option(help="Base IRI of what the knowledge base will record.")] = None,
    as_json: Json = False,
) -> None:
    """Build a knowledge base from the classes or concepts of a SPARQL endpoint, page by page."""
    from ..kb_build.sparql_source import build_sparql
    from ..ontology.endpoint import Endpoint
    from ..ontology.sparql import read_query
    from ..ontology.vocabulary import DATA

    source = Endpoint.at(endpoint, preset=preset, timeout=timeout)
    with progress_bar("reading") as show:
        kb = build_sparql(
            source.signed_in(user=user, scheme=auth, netrc_file=netrc),
            out,
            graph=graph,
            query=None if query is None else read_query(query)[0],
            name=name,
            page=page,
            base=base or DATA,
            progress=None if show is None else lambda rows: show(rows, rows),
        )
    print_info(kb, as_json)
