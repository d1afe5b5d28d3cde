"""Files with domain knowledge: RDF in any syntax, or a table of two columns for people without OWL."""

from __future__ import annotations

import csv
import io
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from ..ontology.catalog import graph_iri
from ..ontology.errors import DataError, UsageError
from ..ontology.extension import extension_name
from ..ontology.iris import encode_segment
from ..ontology.kb import KB
from ..ontology.names import local_name
from ..ontology.statements import LineKey, Statements, text_of
from ..ontology.vocabulary import LABEL, OWL, RDF, RDFS, SUBCLASS, TYPE
from .owl import owl_sources

TABLES = (".csv", ".tsv")
_CLASS = NamedNode(OWL + "Class")
_HEADERS = (
    {"child", "class", "sub", "subclass", "sub-class", "narrower"},
    {"parent", "super", "superclass", "super-class", "broader"},
)
_LANGUAGE = {"owl": OWL, "rdf": RDF, "rdfs": RDFS}
_SPACE = re.compile(r"(?:\s|#[^\n]*(?:\n|$))*")


def read_extension(path: str | Path, kb: KB, *, name: str | None = None) -> Statements:
    """Read an extension with the line of each statement.

    Parameters
    ----------
    path
        ``.csv`` or ``.tsv``: child and parent in each row, as names of classes or as IRIs; a header is optional, and
        may say that the parent comes first.
        Otherwise RDF, as :func:`~neurontology.kb_build.owl.owl_sources` reads it.
    kb
        The knowledge base whose class names a table uses.
    name
        Name of the extension, in whose namespace a table's new classes are put.

    Raises
    ------
    UsageError
        The file does not exist, or a name in a table stands for several classes.
    DataError
        The file is broken.
    """
    path = Path(path)
    if path.suffix.lower() in TABLES:
        return _read_table(path, kb, name)
    base = graph_iri(kb.base, "extension", path.stem) + "#"
    with owl_sources([path]) as (source,):
        try:
            content = source.path.read_bytes()
            quads = list(parse(content, format=source.format, base_iri=base))
        except SyntaxError as error:
            raise DataError(
                f"not valid {source.format.name} ({error.msg})",
                where=f"{path}:{error.lineno}" if error.lineno else path,
            ) from error
        except MemoryError as error:
            raise DataError(
                f"holds a name or a literal that is too long ({error})", where=path, expected="at most 16 MB for each"
            ) from error
        # Of a file converted from another syntax, the lines would not be those of the user's file.
        converted = source.path != path and source.path.suffix not in (".unpacked", ".xml")
        lines = {} if converted else _lines(content, source.format, base)
    triples = tuple(dict.fromkeys(q.triple for q in quads))
    return Statements(triples, str(path), lines or _lines_of_names(path, triples))


# -- tables ---------------------------------------------------------------------------------------------


def _read_table(path: Path, kb: KB, name: str | None) -> Statements:
    namespace = graph_iri(kb.base, "extension", extension_name(Statements((), str(path)), name)) + "#"

    def called(text: str) -> list[str]:
        """Classes of a name, without those of an earlier version of this table."""
        return [iri for iri in kb.classes_called(text) if not iri.startswith(namespace)]

    def spelt(text: str) -> str:
        """A new category is called without the name of its namespace."""
        return text if called(text) else kb.title(text)

    rows = [(line, spelt(child), spelt(parent)) for line, child, parent in _rows(path)]
    own = {child for _, child, _ in rows if not _is_iri(child) and not called(child)}
    triples: dict[Triple, None] = {}
    lines: dict[LineKey, int] = {}
    for line, child, parent in rows:
        below = _class(child, called, namespace, f"{path}:{line}")
        above = _class(parent, called, namespace, f"{path}:{line}")
        found = [Triple(below, SUBCLASS, above)]
        if child in own:
            found += [Triple(below, TYPE, _CLASS), Triple(below, LABEL, Literal(child))]
        for triple in found:
            triples[triple] = None
            for value in (text_of(triple.object), ""):
                lines.setdefault((below.value, triple.predicate.value, value), line)
        lines.setdefault((below.value, "", ""), line)
    return Statements(tuple(triples), str(path), lines)


def _rows(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, child and parent of each row; blank rows, comments and a header are passed over."""
    if not path.is_file():
        raise UsageError("the file does not exist", where=path, expected="a table with the columns child and parent")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"is not UTF-8 ({error})", where=path, hint="save it as UTF-8") from error
    first = next((row for row in text.splitlines() if row.strip() and not row.startswith("#")), "")
    # Spreadsheets in many countries write semicolons; a name may hold a comma, but hardly a tab.
    delimiter = max("\t;,", key=lambda d: (d in first, d != ","))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    is_first, parent_first = True, False
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise DataError(f"is not a table ({error})", where=f"{path}:{reader.line_num}") from error
        if row is None:
            return
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if len(cells) != 2 or not all(cells):
            raise DataError(
                f"has {len([c for c in cells if c])} filled cells",
                where=f"{path}:{reader.line_num}",
                expected="two: child and parent",
                hint="put names that hold the separator in double quotes",
            )
        header = is_first and _is_header(cells)
        if is_first and _is_header(cells[::-1]):
            header = parent_first = True
        is_first = False
        if not header:
            child, parent = cells[::-1] if parent_first else cells
            yield reader.line_num, child, parent


def _is_header(cells: Sequence[str]) -> bool:
    return all(cell.lower() in known for cell, known in zip(cells, _HEADERS, strict=True))


def _is_iri(text: str) -> bool:
    known = _language_term(text) is not None
    return known or bool(re.match(r"<[^>]*>$|[a-z][a-z0-9+.-]*:(//|[^/\s]+:)", text, re.IGNORECASE))


def _language_term(text: str) -> str | None:
    """IRI of a term of RDF, RDFS or OWL that is written with its usual prefix, such as ``owl:Thing``."""
    prefix, colon, name = text.partition(":")
    return _LANGUAGE[prefix] + name if colon and prefix in _LANGUAGE and name.isalnum() else None


def _class(text: str, called: Callable[[str], list[str]], namespace: str, where: str) -> NamedNode:
    """Class of a name or IRI; a name that nobody knows gets an IRI in the namespace, which validation will find."""
    found = called(text)
    if not found and _is_iri(text):
        try:
            return NamedNode(_language_term(text) or text.removeprefix("<").removesuffix(">"))
        except ValueError as error:
            raise DataError(f"{text} is not a valid IRI ({error})", where=where) from error
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} classes are called {text!r}: {', '.join(found)}", where=where, hint="write the IRI instead"
        )
    return NamedNode(found[0] if found else namespace + encode_segment(text.replace(" ", "_")))


# -- lines of RDF ---------------------------------------------------------------------------------------


def _lines(content: bytes, syntax: RdfFormat, base: str) -> dict[LineKey, int]:
    """Lines of the triples with an IRI as subject, as far as rdflib reads the file too."""
    found: dict[LineKey, int] = {}

    def record(triple: tuple[object, object, object], line: int) -> None:
        import rdflib

        subject, predicate, value = (str(t) if not isinstance(t, rdflib.BNode) else "" for t in triple)
        if subject:
            for key in ((subject, predicate, value), (subject, predicate, ""), (subject, "", "")):
                found.setdefault(key, line)

    if syntax in (RdfFormat.TURTLE, RdfFormat.N_TRIPLES, RdfFormat.N3):
        _record_turtle(content, base, record)
    elif syntax == RdfFormat.RDF_XML:
        _record_xml(content, base, record)
    return found


def _record_turtle(content: bytes, base: str, record: Any) -> None:
    from rdflib import Graph
    from rdflib.plugins.parsers.notation3 import BadSyntax, RDFSink, SinkParser

    text = content.decode("utf-8-sig")
    breaks = [m.start() for m in re.finditer("\n", text)]
    line_of: dict[object, int] = {}

    class Sink(RDFSink):
        def makeStatement(self, quadruple: Any, why: object = None) -> None:  # noqa: N802, the parser's name
            # The parser gives the terms of `a` and `=` as pairs of a kind and an IRI.
            _, predicate, subject, value = (t[1] if isinstance(t, tuple) else t for t in quadruple)
            if value in line_of:
                record((subject, predicate, value), line_of[value])

    class Parser(SinkParser):
        def object(self, argstr: str, i: int, res: Any) -> int:
            start = _SPACE.match(argstr, i)
            reached = int(super().object(argstr, i, res))
            if reached >= 0 and start is not None:
                line_of[res[-1]] = bisect_right(breaks, start.end() - 1) + 1
            return reached

    try:
        Parser(Sink(Graph()), baseURI=base, turtle=True).loadBuf(text)
    except BadSyntax:
        # The file is valid, the store's parser has read it; what lies beyond this point is found by name.
        return


def _record_xml(content: bytes, base: str, record: Any) -> None:
    import xml.sax
    from xml.sax.handler import feature_external_ges, feature_namespaces

    from rdflib import Graph
    from rdflib.plugins.parsers.rdfxml import RDFXMLHandler

    class Recorder(Graph):
        def add(self, triple: Any) -> Recorder:
            record(triple, reader.getLineNumber())
            return self

    handler = RDFXMLHandler(Recorder())
    reader: Any = xml.sax.make_parser()
    reader.setFeature(feature_namespaces, 1)
    reader.setFeature(feature_external_ges, 0)
    reader.setContentHandler(handler)
    source = xml.sax.InputSource(base)
    source.setByteStream(io.BytesIO(content))
    reader.parse(source)


def _lines_of_names(path: Path, triples: tuple[Triple, ...]) -> dict[LineKey, int]:
    """First lines on which the subjects' IRIs or local names stand in a text file of another syntax."""
    try:
        rows = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return {}
    found: dict[LineKey, int] = {}
    for iri in dict.fromkeys(t.subject.value for t in triples if isinstance(t.subject, NamedNode)):
        for form in (iri, local_name(iri)):
            line = next((n for n, row in enumerate(rows, 1) if form and form in row), None)
            if line is not None:
                found[iri, "", ""] = line
                break
    return found
