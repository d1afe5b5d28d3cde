"""A knowledge base from a wiki's category dumps."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pyoxigraph import RdfFormat

from ..ontology.kb import KB, Source
from ..ontology.vocabulary import DATA
from .category_filters import DEFAULT_FILTERS
from .ntriples import iter_ntriples, write_removed
from .wikipedia import Progress, WikipediaDumps, read_category_graph

REMOVED = "removed.tsv"
"""File in the knowledge base that lists the categories and links that were left out, each with its reason."""


def build_wikipedia(
    dumps: WikipediaDumps,
    out: str | Path,
    *,
    articles: bool = False,
    language: str = "en",
    filters: Path | str | None = DEFAULT_FILTERS,
    base: str = DATA,
    progress: Progress | None = None,
) -> KB:
    """Build a knowledge base from the table dumps of one wiki.

    Categories become classes named by their page addresses, sub-category links sub-class axioms; cycles are
    broken, and what was left out is listed in ``removed.tsv`` in the knowledge base.

    Parameters
    ----------
    dumps
        The files.
    out
        Directory to make.
    articles
        Make articles leaf classes.
    language
        Language edition: names the wiki in the IRIs and tags the labels.
    filters
        File with the families of categories to leave out; None keeps all, hidden ones too.
    base
        Base IRI of what the knowledge base records.
    progress
        Called after every chunk of a table.

    Raises
    ------
    UsageError
        A file that is needed does not exist, or `out` is not empty.
    DataError
        A dump is broken, or gives a graph that cannot be right.
    """
    wiki = f"https://{language}.wikipedia.org/wiki/"
    graph = read_category_graph(dumps, articles=articles, filters=filters, progress=progress)
    with tempfile.TemporaryDirectory() as scratch:
        triples, removed = Path(scratch, "categories.nt"), Path(scratch, REMOVED)
        with triples.open("wb") as file:
            file.writelines(
                iter_ntriples(graph, category_base=f"{wiki}Category:", article_base=wiki, language=language)
            )
        write_removed(graph, removed)
        source = Source(
            name=f"{language}wiki",
            path=triples,
            format=RdfFormat.N_TRIPLES,
            origin=str(dumps.categorylinks),
            removed_edges=int((~graph.kept).sum()),
            attachments=((REMOVED, removed),),
        )
        return KB.create(out, [source], base=base)
