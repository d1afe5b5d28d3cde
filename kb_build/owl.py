"""OWL and RDF files as sources of a knowledge base."""

from __future__ import annotations

import bz2
import codecs
import gzip
import logging
import lzma
import re
import shutil
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode, RdfFormat, parse

from ..ontology.errors import DataError, UsageError
from ..ontology.kb import KB, Source
from ..ontology.vocabulary import DATA, OWL, TYPE
from .dllearner_kb import convert_kb
from .owl_syntaxes import convert_owl, owl_syntax

_log = logging.getLogger(__name__)

_BY_SUFFIX = {
    ".ttl": RdfFormat.TURTLE,
    ".nt": RdfFormat.N_TRIPLES,
    ".n3": RdfFormat.N3,
    ".jsonld": RdfFormat.JSON_LD,
}
_OF_GRAPHS = {".nq": RdfFormat.N_QUADS, ".trig": RdfFormat.TRIG}
_PACKED: dict[str, tuple[str, Callable[..., Any]]] = {
    ".gz": ("gzip", gzip.open),
    ".bz2": ("bzip2", bz2.open),
    ".xz": ("xz", lzma.open),
}
_IMPORTS, _VERSION, _ONTOLOGY = (NamedNode(OWL + name) for name in ("imports", "versionIRI", "Ontology"))
_ENCODING = re.compile(r"""\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z][\w.\-]*)["']""")
_MARKS = (
    *((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32")),
    *((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig")),
    # Without a byte order mark: how "<?" looks, with which an XML document in these has to begin.
    *((b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be")),
)
"""What a text begins with, and the encoding that this gives away (XML 1.0, appendix F)."""
_SINGLE_QUOTED = re.compile(rb"""(<!ENTITY\s+[^\s"'>]+\s+)'([^']*)'""")
_HEAD = 1 << 16
_DECLARATION = 1 << 10
"""Bytes in which the XML declaration is looked for."""
_MAX_ENTITY_EXPANSION = 1_000_000
"""Characters that the entities of a DTD may add to a document, beyond ten times its own length."""


def build_owl(paths: Sequence[str | Path], out: str | Path, *, base: str = DATA) -> KB:
    """Build a knowledge base from one or several OWL files, one named graph each.

    What they import is not fetched; a warning is logged of imported ontologies that are not among the files. The
    graphs of an N-Quads or TriG file become one.

    Raises
    ------
    UsageError
        A file does not exist, or `out` is not empty.
    DataError
        A file cannot be parsed.
    """
    with owl_sources(paths) as sources:
        kb = KB.create(out, sources, base=base)
    _warn_of_imports(kb)
    return kb


def read_owl(paths: Sequence[str | Path]) -> KB:
    """Read OWL files into a knowledge base in memory; imports as for :func:`build_owl`.

    Raises
    ------
    UsageError
        A file does not exist.
    DataError
        A file cannot be parsed.
    """
    with owl_sources(paths) as sources:
        kb = KB.in_memory(sources)
    _warn_of_imports(kb)
    return kb


def _warn_of_imports(kb: KB) -> None:
    """Log which imported ontologies none of the files holds."""
    quads = kb.store.quads_for_pattern
    wanted = {quad.object.value for quad in quads(None, _IMPORTS, None) if isinstance(quad.object, NamedNode)}
    if not wanted:
        return
    for predicate, value in ((TYPE, _ONTOLOGY), (_VERSION, None)):
        for quad in quads(None, predicate, value):
            named = quad.subject if value is not None else quad.object
            wanted.discard(getattr(named, "value", ""))
    if missing := sorted(wanted):
        shown = ", ".join(f"<{iri}>" for iri in missing[:3])
        _log.warning(
            "imported ontologies are not fetched: %s%s; what they say is missing unless their files are given, too "
            "(kb build owl FILE FILE … --out KB)",
            shown,
            f" and {len(missing) - 3} more" if len(missing) > 3 else "",
        )


@contextmanager
def owl_sources(paths: Sequence[str | Path]) -> Iterator[list[Source]]:
    """Check OWL files and give them as sources; what had to be unpacked or converted exists until the end."""
    with tempfile.TemporaryDirectory() as scratch:
        sources = [_source(Path(path), Path(scratch), number) for number, path in enumerate(paths)]
        yield [replace(source, name=name) for source, name in zip(sources, _names(sources), strict=True)]


def _names(sources: Sequence[Source]) -> list[str]:
    """Names of the sources: those of the files, with as much around as tells files of one name apart."""
    names = [source.name for source in sources]
    files = [Path(source.origin) for source in sources]
    folders = [file.resolve().parent.name for file in files]
    for longer in ([file.name for file in files], [f"{f}/{file.name}" for f, file in zip(folders, files, strict=True)]):
        often = Counter(names)
        names = [other if often[name] > 1 else name for name, other in zip(names, longer, strict=True)]
    return names


def _source(path: Path, scratch: Path, number: int) -> Source:
    if not path.is_file():
        raise UsageError("the file does not exist", where=path, expected="an OWL or RDF file")
    name = path.name
    readable = path
    if path.suffix.lower() in _PACKED:
        readable = scratch / f"{number}.unpacked"
        _unpack(path, readable)
        name = path.stem
    suffix = Path(name).suffix.lower()
    name = Path(name).stem
    if suffix == ".kb":
        converted = scratch / f"{number}.nt"
        convert_kb(readable, converted, origin=path)
        return Source(name=name, path=converted, format=RdfFormat.N_TRIPLES, origin=str(path))
    if suffix in _OF_GRAPHS:
        _check_utf8(readable, path, _OF_GRAPHS[suffix].name)
        merged = scratch / f"{number}.nt"
        _merge_graphs(_without_mark(readable, scratch, number), merged, _OF_GRAPHS[suffix], origin=path)
        return Source(name=name, path=merged, format=RdfFormat.N_TRIPLES, origin=str(path))
    syntax = _BY_SUFFIX.get(suffix)
    head = _head(readable)
    if syntax is None and not head:
        raise DataError("the file is empty", where=path, expected="an OWL or RDF document")
    if syntax is None or (syntax != RdfFormat.JSON_LD and _is_xml(head)):
        owl = owl_syntax(head, path)
        if owl is not None:
            converted = scratch / f"{number}.nt"
            if owl == "owx":
                readable = _plain_xml(readable, path, scratch / f"{number}.xml")
                _refuse_entity_bombs(readable, path)
            else:
                _check_utf8(readable, path, "OWL functional syntax")
            convert_owl(readable, converted, owl, origin=path)
            return Source(name=name, path=converted, format=RdfFormat.N_TRIPLES, origin=str(path))
        syntax = _sniff(head, path)
    if syntax == RdfFormat.RDF_XML:
        readable = _plain_xml(readable, path, scratch / f"{number}.xml")
        _refuse_entity_bombs(readable, path)
    else:
        _check_utf8(readable, path, syntax.name)
        readable = _without_mark(readable, scratch, number)
    return Source(name=name, path=readable, format=syntax, origin=str(path))


def _merge_graphs(readable: Path, target: Path, syntax: RdfFormat, *, origin: Path) -> None:
    """Write what the graphs of a file state as N-Triples."""
    try:
        with target.open("wb") as file:
            for quad in parse(path=str(readable), format=syntax, base_iri=origin.resolve().as_uri()):
                file.write(f"{quad.triple} .\n".encode())
    except SyntaxError as error:
        raise DataError(
            f"not valid {syntax.name} ({error.msg})",
            where=f"{origin}:{error.lineno}" if error.lineno else origin,
            hint="check the file with the program that wrote it",
        ) from error


def _unpack(path: Path, target: Path) -> None:
    kind, opened = _PACKED[path.suffix.lower()]
    try:
        with opened(path, "rb") as packed, target.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        # What is wrong with the data has no number of the operating system.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DataError(
            f"is not a complete {kind} file ({error})", where=path, hint="download or copy it again"
        ) from error


def _without_mark(readable: Path, scratch: Path, number: int) -> Path:
    """Copy a text without the byte order mark that some editors put before UTF-8, if it has one."""
    with readable.open("rb") as file:
        if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            return readable
        target = scratch / f"{number}-text.unpacked"
        with target.open("wb") as copy:
            shutil.copyfileobj(file, copy)
    return target


def _marked_encoding(start: bytes) -> str | None:
    """Encoding that the first bytes of a text give away."""
    return next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)


def _check_utf8(readable: Path, path: Path, syntax: str) -> None:
    """Refuse a text in UTF-16 or UTF-32 whose syntax knows nothing but UTF-8."""
    with readable.open("rb") as file:
        start = file.read(64)
    marked = _marked_encoding(start)
    if b"\0" in start or marked not in (None, "utf-8-sig"):
        raise DataError(
            f"is not UTF-8 text (it looks like {'UTF-32' if marked == 'utf-32' else 'UTF-16'})",
            where=path,
            expected=f"UTF-8, as {syntax} always is",
            hint="save it as UTF-8",
        )


def _head(readable: Path) -> str:
    """Beginning of a file, with all of a document type declaration of usual length."""
    with readable.open("rb") as file:
        start = file.read(_HEAD)
    return start.decode(_marked_encoding(start) or "utf-8", errors="replace").lstrip()


def _is_xml(text: str) -> bool:
    """Whether a text begins as an XML or HTML document does; Turtle may begin with an IRI."""
    return text.startswith(("<?xml", "<!", "<rdf:RDF", "<Ontology ", "<html"))


def _sniff(text: str, path: Path) -> RdfFormat:
    if re.match(r"(?:<\?xml[^>]*>\s*)?(?:<!DOCTYPE\s+html|<html)\b", text, re.IGNORECASE):
        raise DataError(
            "is a web page",
            where=path,
            expected="an OWL or RDF document",
            hint="download the file itself: the address may have led to a page about it, or an error message",
        )
    if "<rdf:RDF" in text or text.startswith(("<?xml", "<!DOCTYPE rdf:RDF", "<!--", "<rdf:")):
        return RdfFormat.RDF_XML
    if text.startswith(("{", "[")):
        return RdfFormat.JSON_LD
    if re.match(r"(?:#[^\n]*\n\s*)*(?:@prefix|@base|prefix\s|base\s|<|_:)", text, re.IGNORECASE):
        return RdfFormat.TURTLE
    raise DataError(
        "the syntax is not recognised",
        where=path,
        expected="RDF/XML, Turtle, N-Triples, JSON-LD, OWL/XML or OWL functional syntax",
        hint="convert it with Protégé or ROBOT",
    )


def _plain_xml(readable: Path, path: Path, target: Path) -> Path:
    """Copy an XML document with what the store's parser lacks: other encodings, entities in single quotes."""
    content = readable.read_bytes()
    marked = _marked_encoding(content)
    declared = _ENCODING.match(content[:_DECLARATION].decode(marked or "latin-1", errors="ignore"))
    encoding = declared[1] if declared else marked or "utf-8"
    if encoding.lower() in ("utf-8", "utf8", "utf-8-sig") and marked in (None, "utf-8-sig"):
        if not _SINGLE_QUOTED.search(content):
            return readable
        encoding = "utf-8-sig"
    wide = (marked or "").startswith(("utf-16", "utf-32"))
    # A document with a byte order mark may declare the encoding with or without the order; no other may be declared.
    if wide != encoding.lower().startswith(("utf-16", "utf-32")):
        raise DataError(
            f"is not text in the encoding it declares (it declares {encoding} and is "
            f"{marked if wide else 'in single bytes'})",
            where=path,
            hint='save it as UTF-8, with encoding="UTF-8" in its first line',
        )
    try:
        text = content.decode(marked if wide and marked else encoding)
    except (LookupError, UnicodeDecodeError) as error:
        raise DataError(f"is not text in the encoding it declares ({error})", where=path) from error
    if declared:
        text = text.replace(declared[1], "UTF-8", 1)
    content = _SINGLE_QUOTED.sub(lambda found: found[1] + b'"' + found[2].replace(b'"', b"&#34;") + b'"', text.encode())
    target.write_bytes(content)
    return target


def _refuse_entity_bombs(readable: Path, path: Path) -> None:
    """Check the DTD's entities before the parser expands them: no external ones, no explosion."""
    text = readable.read_bytes()
    if b"<!DOCTYPE" not in text:
        return
    entities: dict[bytes, int] = {}
    for match in re.finditer(rb"<!ENTITY\s+(%\s+)?([^\s\"'>]+)\s+([^\"'>]*)(\"[^\"]*\"|'[^']*')", text):
        parameter, name, keyword, value = match.groups()
        if parameter or b"SYSTEM" in keyword or b"PUBLIC" in keyword:
            line = text.count(b"\n", 0, match.start()) + 1
            raise DataError(
                f"declares the external entity {name.decode(errors='replace')!r}",
                where=f"{path}:{line}",
                expected="internal entities only",
            )
        entities[name] = _expanded_length(value[1:-1], entities)
    expansion = sum(entities[ref] for ref in re.findall(rb"&([^\s;&#]+);", text) if ref in entities)
    if expansion > _MAX_ENTITY_EXPANSION + 10 * len(text):
        raise DataError(
            f"its XML entities would expand to {expansion:,} characters",
            where=path,
            expected="at most ten times the size of the file",
        )


def _expanded_length(value: bytes, entities: dict[bytes, int]) -> int:
    references = re.findall(rb"&([^\s;&#]+);", value)
    return len(value) + sum(entities.get(ref, 0) for ref in references)


def open_kb(paths: Sequence[str | Path]) -> KB:
    """Open a knowledge base directory, or read OWL files into memory.

    Raises
    ------
    UsageError
        A path does not exist, or is a directory that is no knowledge base.
    """
    if len(paths) == 1 and Path(paths[0]).is_dir():
        return KB.open(paths[0])
    return read_owl(paths)
