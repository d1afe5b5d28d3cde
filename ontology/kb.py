"""A knowledge base: a quad store, an array index derived from it, and a settings file, in one directory."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import logging
import os
import shutil
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, compress
from pathlib import Path
from typing import Any, BinaryIO, cast

from pyoxigraph import (
    BlankNode,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
    Triple,
    Variable,
    serialize,
)

from .catalog import GraphEntry, GraphKind, catalog_iri, graph_iri, read_entries
from .errors import DataError, NeurontologyError, UsageError, near_matches, no_room
from .index import LAYOUT, KBIndex
from .merge import (
    READ_IN_PLACE,
    copy_of,
    departure_from_catalog,
    departure_of,
    is_in_place,
    queried_graphs,
    repeats_another,
    stated_in,
)
from .names import Lookup, NameTable, is_canonical, lookup_in_namespaces, recognise_categories, without_category
from .spool import Spool, difference, spooled, triples_of
from .staging import building, refuse_existing, remove_abandoned
from .syntax.rdf import for_owl_tools
from .unfinished import AT_ONCE, FinishedStore, load_unfinished, remove_unfinished, unfinished_graphs
from .vocabulary import DATA, LABEL, PREFIXES

log = logging.getLogger(__name__)

FORMAT = 2
"""Version of the directory layout; a directory of another version is refused."""

_PART = "source-"

_NOT_KEPT = (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOENT, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, None)
"""Why an index may not be kept; NumPy gives no number when it could not write all of an array."""
_ATTEMPTS, _PAUSE = 20, 0.05
"""How often a store is opened for reading before it counts as broken, and the seconds between."""


@dataclass(frozen=True)
class Source:
    """RDF to be loaded into one named graph of a new knowledge base.

    Attributes
    ----------
    name
        Name of the source; names its graph.
    path
        File in one of the RDF syntaxes.
    format
        Its syntax.
    origin
        What to record as its origin, by default the path.
    removed_edges
        Number of links left out to break cycles.
    attachments
        Files to keep in the directory beside the store (name, path), such as the list of removed links.
    index
        Index of the source where it is at hand already. It must hold what reading the source would give, and be a
        plain hierarchy (:attr:`.KBIndex.is_plain`): then it is joined with the rest of the knowledge instead of
        reading millions of statements again.
    category_namespace
        What precedes the titles of a wiki's categories in their IRIs.
    """

    name: str
    path: Path
    format: RdfFormat
    origin: str = ""
    removed_edges: int = 0
    attachments: tuple[tuple[str, Path], ...] = field(default=())
    index: KBIndex | None = None
    category_namespace: str = ""


class KB:
    """A knowledge base, opened for reading or for writing.

    Several processes may read while one writes; a second writer is refused. Every change is one transaction
    of the store, and the index is derived from the store's content, so that an interruption leaves the old
    state or the new one.

    Attributes
    ----------
    store
        The Oxigraph store.
    path
        Directory, or None for a knowledge base in memory.
    base
        Base IRI of what is recorded.
    """

    def __init__(self, store: Store, *, path: Path | None = None, base: str = DATA, writable: bool = True) -> None:
        self.store = store
        self.path = path
        self.base = base
        self.writable = writable

    # -- opening and creating ---------------------------------------------------------------------------

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, writable: bool = False) -> KB:
        """Open a directory that :meth:`create` made.

        Raises
        ------
        UsageError
            The path is not a knowledge base, or of another format version.
        NeurontologyError
            Another process is writing to it.
        """
        path = Path(path)
        settings = _settings(path)
        try:
            store = Store(path / "store") if writable else _opened_for_reading(path / "store")
        except (OSError, RuntimeError) as error:
            if "LOCK" in str(error):
                raise NeurontologyError(
                    "another process is writing to this knowledge base",
                    where=path,
                    hint="wait until it has finished and try again; reading is possible meanwhile",
                ) from error
            if no_room(error):
                raise
            raise DataError(f"the store cannot be opened ({error})", where=path / "store") from error
        if writable:
            remove_unfinished(store, settings["base"])
        elif hidden := unfinished_graphs(store, settings["base"]):
            store = cast("Store", FinishedStore(store, hidden))
        kb = cls(store, path=path, base=settings["base"], writable=writable)
        recognise_categories(entry.category_namespace for entry in kb.entries if entry.category_namespace)
        return kb

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        sources: Sequence[Source],
        *,
        base: str = DATA,
        within: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> KB:
        """Build a new knowledge base and open it for reading.

        It is built in a directory beside `path`, or in the existing directory `within` on the same file system, and
        renamed into place when it is complete. `progress` is called with the bytes of the current source that are
        loaded and all of them.

        Raises
        ------
        UsageError
            `path` exists and is not an empty directory, or two sources have one name.
        DataError
            A source cannot be parsed.
        """
        path = Path(path)
        refuse_existing(path)
        names = [source.name for source in sources]
        if len(set(names)) < len(names):
            raise UsageError("two sources have the same name", where=", ".join(sorted(names)))
        path.parent.mkdir(parents=True, exist_ok=True)
        with building(path, within=within) as target:
            kb = cls(Store(target / "store"), path=target, base=base)
            for source in sources:
                kb._load(source, progress)
            kb.store.flush()
            (target / "kb.toml").write_text(
                f"# A neurontology knowledge base: the store holds all data, index/ is derived from it.\n"
                f"format = {FORMAT}\nbase = {json.dumps(base)}\n",
                encoding="utf-8",
            )
            del kb
        return cls.open(path)

    @classmethod
    def in_memory(cls, sources: Sequence[Source], *, base: str = DATA) -> KB:
        """Load sources into memory only."""
        kb = cls(Store(), base=base)
        for source in sources:
            kb._load(source)
        return kb

    def _load(self, source: Source, progress: Callable[[int, int], None] | None = None) -> None:
        graph = NamedNode(graph_iri(self.base, "tbox", source.name))
        origin = source.origin or str(source.path)
        before = len(self.store)
        try:
            with source.path.open("rb") as file:
                self.store.bulk_load(
                    input=file if progress is None else cast("BinaryIO", _Observed(file, progress)),
                    format=source.format,
                    base_iri=f"{graph.value}#",
                    to_graph=graph,
                )
        except SyntaxError as error:
            where = f"{origin}:{error.lineno}" if error.lineno else origin
            raise DataError(
                f"not valid {source.format.name} ({error.msg})",
                where=where,
                hint="check the file with the program that wrote it",
            ) from error
        except MemoryError as error:
            raise DataError(
                f"holds a name or a literal that is too long ({error})",
                where=origin,
                expected="at most 16 MB for each",
            ) from error
        except OSError as error:
            if no_room(error):
                raise
            raise DataError(f"cannot be read ({error})", where=origin) from error
        with source.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        triples = len(self.store) - before
        repeats = bool(self.entries) and repeats_another(self.store, graph)
        entry = GraphEntry(
            "tbox",
            source.name,
            graph.value,
            digest,
            origin,
            source.removed_edges,
            triples=triples,
            category_namespace=source.category_namespace,
            repeats=repeats,
        )
        if repeats:
            self.store.update(copy_of(graph))
        self.store.extend(self._described(entry))
        if source.category_namespace:
            recognise_categories([source.category_namespace])
        if self.path is not None:
            if source.index is not None:
                folder = self.path / "index" / _part_name(entry)
                folder.mkdir(parents=True)
                source.index.save(folder)
            for name, attachment in source.attachments:
                shutil.copyfile(attachment, self.path / name)

    # -- content ----------------------------------------------------------------------------------------

    @property
    def _catalog(self) -> NamedNode:
        return catalog_iri(self.base)

    @property
    def entries(self) -> tuple[GraphEntry, ...]:
        """Catalogue of the named graphs, by kind and name."""
        return read_entries(self.store, self._catalog)

    def entry(self, kind: GraphKind, name: str) -> GraphEntry:
        """Entry of one graph.

        Raises
        ------
        UsageError
            There is none of this kind and name.
        """
        known = {e.name: e for e in self.entries if e.kind == kind}
        if name not in known:
            raise UsageError(f"no {kind} graph is called {name!r}", where=self.path, hint=near_matches(name, known))
        return known[name]

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of all knowledge graphs (runs are results, not knowledge)."""
        lines = [f"{e.iri} {e.digest}\n" for e in self.entries if e.kind != "run"]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @cached_property
    def index(self) -> KBIndex:
        """Array index of the knowledge graphs, read from disk where it is up to date, else built anew."""
        entries = [entry for entry in self.entries if entry.kind != "run"]
        if self.path is None:
            return self._indexed(entries)
        if len(entries) == 1 and (part := self.index_of(entries[0])) is not None:
            return part
        target = self.path / "index" / f"{self.digest[:32]}-{LAYOUT}"
        try:
            return KBIndex.load(target)
        except FileNotFoundError:
            index = self._indexed(entries)
        try:
            self._keep(index, target)
            return KBIndex.load(target)
        except OSError as error:
            # A knowledge base on a read-only or full medium is still usable, only slower to open; and a process that
            # sees another version of it may have removed what this one kept.
            if error.errno not in _NOT_KEPT:
                raise
            if error.errno not in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOENT):
                log.warning("%s: the index could not be kept (%s): it has to be made again", self.path, error)
            return index

    def index_of(self, entry: GraphEntry) -> KBIndex | None:
        """Index of one source alone, if it was kept when the knowledge base was built."""
        if self.path is None:
            return None
        folder = self.path / "index" / _part_name(entry)
        return KBIndex.load(folder) if folder.is_dir() else None

    @property
    def queried_graphs(self) -> list[NamedNode | BlankNode | DefaultGraph]:
        """Graphs of the store that together hold every triple of the named graphs once, see :mod:`.merge`."""
        return queried_graphs(self.entries)

    def query(
        self,
        text: str,
        *,
        prefixes: Mapping[str, str] | None = None,
        substitutions: Mapping[Variable, NamedNode | BlankNode | Literal | Triple] | None = None,
        functions: Mapping[NamedNode, Callable[..., NamedNode | BlankNode | Literal | Triple | None]] | None = None,
    ) -> QuerySolutions | QueryTriples | QueryBoolean:
        """Run SPARQL over the merge of all named graphs. A dataset that the query itself names is not looked at.

        Parameters
        ----------
        text
            A query as the engine takes it; for shipped queries, usual prefixes and ``FROM`` see :func:`.run_query`.
        prefixes
            Prefixes that need no declaration, with their IRIs.
        substitutions
            Terms for variables that the query selects.
        functions
            Functions that the query may call, by their IRIs.

        Raises
        ------
        SyntaxError
            It is no SPARQL.
        RuntimeError
            A variable is substituted that is not selected.
        """
        return self.store.query(
            text,
            prefixes=dict(prefixes or {}),
            default_graph=self.queried_graphs,
            substitutions=dict(substitutions or {}),
            custom_functions=dict(functions or {}),
        )

    def statements(self, predicate: NamedNode | None = None) -> Iterator[Triple]:
        """Every triple of the named graphs, or those with a predicate, once."""
        for graph in self.queried_graphs:
            yield from (quad.triple for quad in self.store.quads_for_pattern(None, predicate, None, graph))

    def content(self, entry: GraphEntry) -> Iterable[Quad]:
        """Statements of one graph."""
        return self.store.quads_for_pattern(None, None, None, NamedNode(entry.iri))

    def _indexed(self, entries: Iterable[GraphEntry]) -> KBIndex:
        found = [(entry, self.index_of(entry)) for entry in entries]
        return KBIndex.build(
            chain.from_iterable(self.content(entry) for entry, part in found if part is None),
            [part for _, part in found if part is not None],
        )

    def _keep(self, index: KBIndex, target: Path) -> None:
        outdated = [p for p in target.parent.glob("*") if p.is_dir() and not p.name.startswith((".", _PART))]
        target.parent.mkdir(exist_ok=True)
        remove_abandoned(target.parent)
        try:
            with building(target) as folder:
                index.save(folder)
        except OSError as error:
            # Another process may have made the same meanwhile, and a third have removed that since.
            if not (target.is_dir() or error.errno in (errno.ENOTEMPTY, errno.EEXIST)):
                raise
        for folder in outdated:
            shutil.rmtree(folder, ignore_errors=True)

    def put_graph(
        self, kind: GraphKind, name: str, triples: Iterable[Triple], *, origin: str, created: str = ""
    ) -> tuple[GraphEntry, bool]:
        """Write a named graph, replacing one of the same kind and name: readers see the old state or the new one.

        The triples wait on disk while their digest is computed, so they may come from a generator. Memory is that of
        the store's transaction and of its text. A large new graph is loaded before it, see :mod:`.unfinished`, and a
        graph that is replaced and read in place is changed where the two versions differ.

        Returns
        -------
        entry
            What the catalogue now says.
        changed
            False when the store already held exactly these triples.
        """
        with spooled(triples) as content:
            graph = NamedNode(graph_iri(self.base, kind, name))
            existing = next((e for e in self.entries if e.iri == graph.value), None)
            if existing is not None and existing.digest == content.digest:
                return existing, False
            # What a graph that is copied shares with others that are copied does no harm: a graph is a set.
            others = [
                NamedNode(e.iri)
                for e in self.entries
                if e.iri != graph.value and (kind in READ_IN_PLACE or is_in_place(e))
            ]
            # SPARQL Update, which replaces a graph, names blank nodes anew.
            repeated = stated_in(self.store, others, content.triples(), renamed_blanks=existing is not None)
            entry = GraphEntry(
                kind,
                name,
                graph.value,
                content.digest,
                origin,
                created=created,
                triples=content.distinct,
                repeats=kind in READ_IN_PLACE and any(repeated),
            )
            copied = bytearray(len(repeated)) if is_in_place(entry) else bytearray(not told for told in repeated)
            described = self._described(entry)
            if existing is None:
                stated: Iterable[Quad] = (Quad(t.subject, t.predicate, t.object, graph) for t in content.triples())
                if content.distinct > AT_ONCE:
                    load_unfinished(self.store, self.base, graph, stated)
                    stated = ()
                copies = (Quad(t.subject, t.predicate, t.object) for t in compress(content.triples(), copied))
                self.store.extend(chain(stated, copies, described))
                remove_unfinished(self.store, self.base)
            else:
                catalog, unnamed = (
                    " . ".join(str(q.triple) for q in described if (q.graph_name == self._catalog) is of_catalog)
                    for of_catalog in (True, False)
                )
                change = self._change(existing, content) if is_in_place(existing) and is_in_place(entry) else None
                self.store.update(
                    f"{change or self._exchange(existing, content, copied)} ; "
                    f"{departure_from_catalog(self._catalog, existing)} ; "
                    f"INSERT DATA {{ GRAPH {self._catalog} {{ {catalog} }} }} ; INSERT DATA {{ {unnamed} }}"
                )
        self.store.flush()
        self._forget()
        return entry, True

    def _exchange(self, existing: GraphEntry, content: Spool, copied: bytearray) -> str:
        """SPARQL Update that replaces a graph by other triples, some of which are copied to the unnamed graph."""
        graph = NamedNode(existing.iri)
        return (
            f"{departure_of(existing)} ; DROP SILENT GRAPH {graph} ; "
            f"INSERT DATA {{ GRAPH {graph} {{ {' . '.join(content.lines())} }} "
            f"{' . '.join(compress(content.lines(), copied))} }}"
        )

    def _change(self, existing: GraphEntry, content: Spool) -> str | None:
        """SPARQL Update that does the same by what differs, if both are read in place and have no blank nodes."""
        graph = NamedNode(existing.iri)
        with spooled(quad.triple for quad in self.content(existing)) as before:
            found = difference(before, content)
        if found is None:
            return None
        # What others state, too, was read here, and is to be read somewhere from now on.
        others = [self._catalog, *(NamedNode(e.iri) for e in self.entries if e.iri != existing.iri)]
        elsewhere = stated_in(self.store, others, triples_of(line.encode() for line in found.removed))
        return (
            f"DELETE DATA {{ GRAPH {graph} {{ {' . '.join(found.removed)} }} }} ; "
            f"INSERT DATA {{ GRAPH {graph} {{ {' . '.join(found.added)} }} "
            f"{' . '.join(compress(found.removed, elsewhere))} }}"
        )

    def drop_graph(self, kind: GraphKind, name: str) -> GraphEntry:
        """Remove a named graph and its catalogue entry in one transaction.

        Raises
        ------
        UsageError
            There is none of this kind and name.
        """
        entry = self.entry(kind, name)
        graph = NamedNode(entry.iri)
        self.store.update(
            f"{departure_of(entry)} ; {departure_from_catalog(self._catalog, entry)} ; DROP SILENT GRAPH {graph}"
        )
        self.store.flush()
        self._forget()
        return entry

    def _described(self, entry: GraphEntry) -> list[Quad]:
        """Entry of a graph for the catalogue, and its copy in the unnamed graph."""
        quads = entry.quads(self._catalog)
        in_place = [NamedNode(e.iri) for e in self.entries if is_in_place(e)]
        repeated = stated_in(self.store, in_place, (quad.triple for quad in quads))
        return quads + [
            Quad(q.subject, q.predicate, q.object) for q, told in zip(quads, repeated, strict=True) if not told
        ]

    def _forget(self) -> None:
        """Drop what was derived from the former content."""
        for derived in ("index", "names", "category_namespaces"):
            self.__dict__.pop(derived, None)

    def _about(self, subject: NamedNode, predicate: NamedNode) -> Iterable[Quad]:
        """Quads of the named graphs with a subject and predicate."""
        quads = self.store.quads_for_pattern(subject, predicate, None, None)
        return (quad for quad in quads if isinstance(quad.graph_name, NamedNode))

    def label(self, iri: str) -> str | None:
        """``rdfs:label`` of an entity, English or without a language first, or None."""
        if iri.startswith("_:"):
            return None
        found = [q.object for q in self._about(NamedNode(iri), LABEL) if isinstance(q.object, Literal)]
        found.sort(key=lambda o: (o.language not in (None, "en"), o.language or "", o.value))
        return found[0].value if found else None

    @cached_property
    def names(self) -> NameTable:
        """Short names of the classes and properties, and back."""
        index = self.index
        return NameTable(
            lookup=self._lookup(
                lambda iri: iri in index.classes or iri in index.properties or iri in index.data_properties
            ),
            label_of=self.label,
        )

    @cached_property
    def category_namespaces(self) -> tuple[str, ...]:
        """What precedes the titles of categories in the IRIs of each wiki, sorted."""
        recorded = {entry.category_namespace for entry in self.entries}
        return tuple(sorted((recorded | set(filter(is_canonical, self.index.namespaces))) - {""}))

    def title(self, name: str) -> str:
        """Name that people typed without the name of a wiki's category namespace."""
        return without_category(name, self.category_namespaces)[0]

    def _lookup(self, exists: Callable[[str], bool]) -> Lookup:
        return lookup_in_namespaces(self.index.namespaces, exists, self.category_namespaces)

    def classes_called(self, name: str) -> list[str]:
        """IRIs of the classes with a local name; spaces may stand for underscores.

        Categories of a wiki are found with the wiki's name of their namespace, with ``Category:``, and without.
        """
        classes = self.index.classes
        return list(self._lookup(lambda iri: iri in classes)(name.strip().replace(" ", "_")))

    def graph_ids(self, kind: GraphKind) -> dict[str, int]:
        """Ids in the index of the graphs of one kind that assert something of individuals, by name."""
        position = {iri: i for i, iri in enumerate(self.index.graphs)}
        return {e.name: position[e.iri] for e in self.entries if e.kind == kind and e.iri in position}

    def info(self) -> dict[str, Any]:
        """Sizes and contents, with the keys that ``kb info --json`` prints."""
        index, entries = self.index, self.entries
        return {
            "classes": len(index.classes),
            "subclass_axioms": index.subclass_axioms,
            "removed_edges": sum(e.removed_edges for e in entries),
            "roots": len(index.told.roots),
            "depth": index.told.depth,
            "individuals": len(index.individuals),
            "triples": self._size(),
            "sources": [e.name for e in entries if e.kind == "tbox"],
            "datasets": [e.name for e in entries if e.kind == "abox"],
            "extensions": [e.name for e in entries if e.kind == "extension"],
            "category_namespaces": list(self.category_namespaces),
        }

    def _size(self) -> int:
        """Number of triples in all graphs; the store itself would have to count millions one by one."""
        recorded = [entry.triples for entry in self.entries]
        known = [triples for triples in recorded if triples is not None]
        if len(known) < len(recorded):
            return sum(
                1 for graph in self.store.named_graphs() for _ in self.store.quads_for_pattern(None, None, None, graph)
            )
        return sum(known) + sum(1 for _ in self.store.quads_for_pattern(None, None, None, self._catalog))

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write everything to one RDF file.

        ``.nq`` and ``.trig`` keep the named graphs. The syntaxes for triples (``.ttl``, ``.nt``, ``.rdf``,
        ``.jsonld``) hold their union, with class expressions on blank nodes, as OWL tools expect them.

        Raises
        ------
        UsageError
            The extension names no RDF syntax.
        """
        path = Path(path)
        rdf_format = RdfFormat.from_extension(path.suffix.lstrip("."))
        if rdf_format is None:
            raise UsageError(
                f"the extension {path.suffix!r} names no RDF syntax",
                where=path,
                expected="one of .nq .trig .ttl .nt .rdf .jsonld",
            )
        if not path.parent.is_dir():
            raise UsageError("the folder does not exist", where=path.parent)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            try:
                if path.suffix in (".nq", ".trig"):
                    graphs = (self._catalog, *(NamedNode(entry.iri) for entry in self.entries))
                    quads = chain.from_iterable(self.store.quads_for_pattern(None, None, None, g) for g in graphs)
                    serialize(quads, file, rdf_format)
                else:
                    serialize(for_owl_tools(self.statements()), file, rdf_format, prefixes=PREFIXES)
            except BaseException:
                Path(file.name).unlink()
                raise
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)


class _Observed(io.RawIOBase):
    """A file that tells how far it was read."""

    def __init__(self, file: BinaryIO, progress: Callable[[int, int], None]) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._progress = progress

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self._progress(self._file.tell(), self._size)
        return data


def _part_name(entry: GraphEntry) -> str:
    return f"{_PART}{entry.digest[:32]}-{LAYOUT}"


def _opened_for_reading(path: Path) -> Store:
    """Open a store that another process may be writing to.

    A file of the store can vanish between the reading of their list and its opening. Then the list is out of date,
    and the next one is not.
    """
    for _ in range(_ATTEMPTS if path.is_dir() else 0):
        try:
            return Store.read_only(str(path))
        except (OSError, RuntimeError):
            time.sleep(_PAUSE)
    return Store.read_only(str(path))


def _settings(path: Path) -> dict[str, Any]:
    file = path / "kb.toml"
    if not file.is_file():
        what = "is not a knowledge base" if path.exists() else "does not exist"
        raise UsageError(
            what,
            where=path,
            expected="a directory with a kb.toml, made by `neurontology kb build`",
            hint="build one with `neurontology kb build`",
        )
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"is not valid TOML ({error})", where=file) from error
    if settings.get("format") != FORMAT or not isinstance(settings.get("base"), str):
        raise UsageError(
            f"has format {settings.get('format')!r}",
            where=file,
            expected=f"format = {FORMAT} and a base IRI",
            hint="build the knowledge base again with this version",
        )
    return settings
