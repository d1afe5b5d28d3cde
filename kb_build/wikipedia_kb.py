"""A knowledge base from a wiki's category dumps."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from dataclasses import fields
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from pyoxigraph import RdfFormat

from .. import __version__
from ..ontology.index import LAYOUT, KBIndex
from ..ontology.kb import KB, Source
from ..ontology.names import recognise_categories
from ..ontology.staging import refuse_existing
from ..ontology.vocabulary import DATA
from .category_filters import DEFAULT_FILTERS, read_filters
from .checkpoint import Checkpoints, checkpoints
from .cycles import Strategy, check_strategy
from .ntriples import check_names, encode_titles, iter_ntriples, write_removed
from .siteinfo import Site
from .wikipedia import CategoryGraph, Progress, WikipediaDumps, read_category_graph

_log = logging.getLogger(__name__)

_LAYOUT = 1
"""Version of what is kept of an interrupted build; another is not read."""

_TRIPLES, _INDEX = "categories.nt", "index"
REMOVED = "removed.tsv"
"""File in the knowledge base that lists the categories and links that were left out, each with its reason."""


def build_wikipedia(
    dumps: WikipediaDumps,
    out: str | Path,
    *,
    articles: bool = False,
    language: str = "en",
    site: Site | None = None,
    filters: Path | str | None = DEFAULT_FILTERS,
    cycles: Strategy = "eades",
    base: str = DATA,
    progress: Progress | None = None,
) -> KB:
    """Build a knowledge base from the table dumps of one wiki.

    Categories become classes named by their page addresses, sub-category links sub-class axioms; cycles are
    broken, and what was left out is listed in ``removed.tsv`` in the knowledge base.

    Finished stages (the pages read, the links read, the triples written) are kept in ``.NAME.work`` beside `out` and
    removed when the knowledge base is there. A build that was interrupted goes on behind the last of them, unless a
    file (by path, size and date), a setting or the program has changed.

    Parameters
    ----------
    dumps
        The files.
    out
        Directory to make.
    articles
        Make articles leaf classes.
    language
        Language edition of Wikipedia: names the wiki in the IRIs and tags the labels.
    site
        The wiki, where it is not Wikipedia in `language` or its own name of the namespace of categories is to be in
        the IRIs.
    filters
        File with the families of categories to leave out; None keeps all, hidden ones too.
    cycles
        Strategy for breaking cycles, see :func:`.cycles.break_cycles`.
    base
        Base IRI of what the knowledge base records.
    progress
        Called after every chunk of a table, with what is read or written, the bytes done and all of them.

    Raises
    ------
    UsageError
        A file that is needed does not exist, or `out` is not empty.
    DataError
        A dump is broken, or gives a graph that cannot be right.
    """
    out = Path(out)
    refuse_existing(out)
    check_strategy(cycles)
    site = site or Site.wikipedia(language)
    check_names(site.category_base, site.address, site.language)
    recognise_categories([site.category_base])
    key = {
        "version": [__version__, _LAYOUT, LAYOUT],
        "dumps": {f.name: _state_of(getattr(dumps, f.name)) for f in fields(dumps)},
        "filters": None if filters is None else dataclasses.asdict(read_filters(filters)),
        "settings": [articles, dataclasses.asdict(site), cycles],
    }
    with checkpoints(out, key) as work:
        removed_edges = _written(work)
        if removed_edges is None:
            graph = read_category_graph(
                dumps, articles=articles, filters=filters, cycles=cycles, progress=progress, checkpoints=work
            )
            removed_edges = _write(work, graph, site)
            # The graph needs as much memory as the store does while it loads the triples.
            del graph
        source = Source(
            name=site.name,
            path=work.folder / _TRIPLES,
            format=RdfFormat.N_TRIPLES,
            origin=str(dumps.categorylinks),
            removed_edges=removed_edges,
            attachments=((REMOVED, work.folder / REMOVED),),
            index=KBIndex.load(work.folder / _INDEX),
            category_namespace=site.category_base,
        )
        _log.info("loading the store")
        loading = None if progress is None else partial(progress, "store")
        return KB.create(out, [source], base=base, within=work.folder, progress=loading)


def _state_of(path: Path | None) -> list[str | int] | None:
    if path is None or not path.is_file():
        return None
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]


def _written(work: Checkpoints) -> int | None:
    """Number of removed links, if an earlier build came as far as the store."""
    done = work.load("triples")
    return None if done is None else int(done["removed_edges"])


def _write(work: Checkpoints, graph: CategoryGraph, site: Site) -> int:
    """Write the graph in the forms in which the knowledge base takes it, then record that they are complete."""
    _log.info("writing the triples of %d categories", len(graph.category_ids))
    with (work.folder / _TRIPLES).open("wb") as file:
        file.writelines(
            iter_ntriples(graph, category_base=site.category_base, article_base=site.address, language=site.language)
        )
    write_removed(graph, work.folder / REMOVED)
    index = work.folder / _INDEX
    if index.is_dir():
        shutil.rmtree(index)
    index.mkdir()
    _index(graph, site).save(index)
    removed_edges = int((~graph.kept).sum())
    work.save("triples", {"removed_edges": removed_edges})
    work.drop("links")
    return removed_edges


def _index(graph: CategoryGraph, site: Site) -> KBIndex:
    """Index of what :func:`.iter_ntriples` writes."""
    iris = chain(
        (site.category_base.encode() + title for title in encode_titles(graph.category_titles)),
        (site.address.encode() + title for title in encode_titles(graph.article_titles)),
    )
    kept = graph.kept
    return KBIndex.of_classes(
        iris,
        np.concatenate([graph.child[kept], len(graph.category_ids) + graph.article]),
        np.concatenate([graph.parent[kept], graph.article_parent]),
    )
