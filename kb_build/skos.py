"""SKOS concept schemes as sources of a knowledge base, such as DBpedia's categories of Wikipedia."""

from __future__ import annotations

import bz2
import codecs
import gzip
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, parse

from ..ontology.errors import DataError, UsageError
from ..ontology.kb import KB, Source
from ..ontology.staging import refuse_existing
from ..ontology.vocabulary import BUILT_IN, DATA, LABEL, OWL, SKOS, TYPE
from .concept_graph import REMOVED, ConceptGraph

_BROADER, _NARROWER = NamedNode(SKOS + "broader"), NamedNode(SKOS + "narrower")
_CONCEPT, _PREF_LABEL = NamedNode(SKOS + "Concept"), NamedNode(SKOS + "prefLabel")
_ANNOTATION_PROPERTY = NamedNode(OWL + "AnnotationProperty")
# DBpedia calls its N-Triples .ttl; every N-Triples document is Turtle, but the Turtle parser is slower.
_FORMATS = {".ttl": RdfFormat.TURTLE, ".nt": RdfFormat.N_TRIPLES, ".tql": RdfFormat.N_QUADS, ".nq": RdfFormat.N_QUADS}


def build_skos(paths: Sequence[str | Path], out: str | Path, *, base: str = DATA) -> KB:
    """Build a knowledge base from the concepts of SKOS files, which together are one source.

    It gets two named graphs. The first, called as the first file, says it in OWL: every concept is a class,
    ``skos:broader`` (and ``skos:narrower``, the other way round) becomes ``rdfs:subClassOf``, and
    ``skos:prefLabel`` becomes ``rdfs:label``. Links that would close a cycle are left out and listed in
    ``removed.tsv`` in the knowledge base. The second, with ``-skos`` after its name, holds what the files say,
    cycles included, with its properties declared annotation properties; types are left out of it, because
    they would make individuals of the classes.

    Parameters
    ----------
    paths
        N-Triples, Turtle or N-Quads, plain or packed by bzip2 or gzip.
    out
        Directory to make.
    base
        Base IRI of what the knowledge base records.

    Raises
    ------
    UsageError
        A file does not exist, its name tells no syntax, or `out` is not empty.
    DataError
        A file is broken or cut short, holds concepts without an IRI, or the files hold no concept at all.
    """
    files = [Path(path) for path in paths]
    formats = [_format(file) for file in files]
    refuse_existing(Path(out))
    graph = ConceptGraph()
    with tempfile.TemporaryDirectory() as scratch:
        axioms, told, removed = Path(scratch, "owl.nt"), Path(scratch, "skos.nt"), Path(scratch, REMOVED)
        properties: set[NamedNode] = set()
        with axioms.open("wb") as owl, told.open("wb") as skos:
            for file, syntax in zip(files, formats, strict=True):
                for triple in _triples(file, syntax):
                    _take(triple, graph, file, owl)
                    if triple.predicate != TYPE:
                        skos.write(f"{triple} .\n".encode())
                        properties.add(triple.predicate)
            if not len(graph):
                raise DataError(
                    "no skos:Concept and no skos:broader",
                    where=", ".join(map(str, files)),
                    expected="a SKOS concept scheme",
                    hint="use `neurontology kb build owl` for other RDF",
                )
            cut = graph.break_cycles()
            owl.writelines(f"{triple} .\n".encode() for triple in graph.axioms(cut))
            skos.writelines(
                f"{Triple(p, TYPE, _ANNOTATION_PROPERTY)} .\n".encode()
                for p in sorted(properties, key=str)
                if not p.value.startswith(BUILT_IN)
            )
        graph.write_removed(cut, removed)
        name, origin = _name(files[0]), ", ".join(map(str, files))
        sources = [
            Source(name, axioms, RdfFormat.N_TRIPLES, origin, len(cut.removed), ((REMOVED, removed),)),
            Source(f"{name}-skos", told, RdfFormat.N_TRIPLES, origin),
        ]
        return KB.create(out, sources, base=base)


def _take(triple: Triple, graph: ConceptGraph, file: Path, owl: IO[bytes]) -> None:
    """Add what a triple says of concepts to the graph, and its label to the OWL side."""
    subject, predicate, obj = triple.subject, triple.predicate, triple.object
    if predicate in (_BROADER, _NARROWER):
        ends = _iri(subject, triple, file), _iri(obj, triple, file)
        graph.link(*(ends if predicate == _BROADER else reversed(ends)))
    elif predicate == TYPE and obj == _CONCEPT:
        graph.add(_iri(subject, triple, file))
    elif predicate == _PREF_LABEL and isinstance(obj, Literal):
        owl.write(f"{Triple(subject, LABEL, obj)} .\n".encode())


def _iri(term: object, triple: Triple, file: Path) -> str:
    if not isinstance(term, NamedNode):
        kind = "blank node" if isinstance(term, BlankNode) else "literal"
        raise DataError(f"has a {kind} for a concept: {triple}", where=file, expected="concepts that are named by IRIs")
    return term.value


def _format(file: Path) -> RdfFormat:
    if not file.is_file():
        raise UsageError("the file does not exist", where=file, expected="a SKOS file")
    suffix = Path(_unpacked_name(file)).suffix.lower()
    if suffix not in _FORMATS:
        raise UsageError(
            f"the ending {suffix!r} names no syntax that is read",
            where=file,
            expected=f"one of {', '.join(_FORMATS)}, perhaps with .bz2 or .gz after it",
        )
    return _FORMATS[suffix]


def _unpacked_name(file: Path) -> str:
    return file.stem if file.suffix.lower() in (".bz2", ".gz") else file.name


def _name(file: Path) -> str:
    return Path(_unpacked_name(file)).stem


def _open(file: Path) -> IO[bytes]:
    suffix = file.suffix.lower()
    if suffix == ".bz2":
        return bz2.open(file, "rb")
    return cast("IO[bytes]", gzip.open(file, "rb")) if suffix == ".gz" else file.open("rb")


def _triples(file: Path, syntax: RdfFormat) -> Iterator[Triple]:
    try:
        with _open(file) as content:
            if content.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
                content.seek(0)
            for quad in parse(content, syntax, base_iri=file.resolve().as_uri()):
                yield quad.triple
    except SyntaxError as error:
        where = f"{file}:{error.lineno}" if error.lineno else file
        raise DataError(
            f"is not valid {syntax.name} ({error.msg})",
            where=where,
            hint="check the file with the program that wrote it",
        ) from error
    except MemoryError as error:
        raise DataError(
            f"holds a name or a literal that is too long ({error})", where=file, expected="at most 16 MB for each"
        ) from error
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"cannot be unpacked ({error})", where=file, expected="a whole file", hint="download it again"
        ) from error
