"""RDF/XML with what the store's parser lacks: other encodings, entities in single quotes."""

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
from neurontology.kb_build.owl import build_owl, read_owl
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.vocabulary import OWL, TYPE
from pyoxigraph import NamedNode

XML = """<?xml version="1.0" encoding="{encoding}"?>
<!DOCTYPE rdf:RDF [ <!ENTITY ex 'http://a.org/#'> <!ENTITY owl "http://www.w3.org/2002/07/owl#"> ]>
<rdf:RDF xmlns:owl="&owl;" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<owl:Class rdf:about="&ex;Café"/>
</rdf:RDF>"""


@pytest.mark.parametrize("encoding", ["UTF-8", "utf8", "ISO-8859-1", "windows-1252"])
def test_encodings_and_quotes(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.owl"
    path.write_bytes(XML.format(encoding=encoding).encode(encoding))
    assert list(read_owl([path]).index.classes) == ["http://a.org/#Café"]


def test_a_wrong_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.owl"
    for declared, written in (("us-ascii", "utf-8"), ("no-such", "utf-8")):
        path.write_bytes(XML.format(encoding=declared).encode(written))
        with pytest.raises(DataError, match="not text in the encoding it declares"):
            read_owl([path])


@pytest.mark.parametrize("gives", ["mark, order", "mark", "order", "no declaration"])
@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("width", ["16", "32"])
def test_wide_encodings(tmp_path: Path, width: str, order: str, gives: str) -> None:
    if width == "32" and gives == "order":
        gives = "mark, order"  # UTF-32 is told by its mark only
    declared = f"UTF-{width}{order.upper()}" if "order" in gives else f"UTF-{width}"
    text = XML.format(encoding=declared)
    if gives == "no declaration":
        text = text.partition("?>")[2].lstrip()
    mark = "" if gives == "order" else "\ufeff"
    path = tmp_path / "a.owl"
    path.write_bytes((mark + text).encode(f"utf-{width}-{order}"))
    assert list(read_owl([path]).index.classes) == ["http://a.org/#Café"]


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "utf-8-sig"])
def test_owl_xml_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    pytest.importorskip("pyhornedowl")
    path = tmp_path / "a.owx"
    declared = encoding.removesuffix("-sig")
    text = f"""<?xml version="1.0" encoding="{declared}"?>
<Ontology xmlns="http://www.w3.org/2002/07/owl#" ontologyIRI="http://a.org/">
<Declaration><Class IRI="http://a.org/#Café"/></Declaration>
</Ontology>"""
    path.write_bytes(text.encode(encoding))
    assert list(read_owl([path]).index.classes) == ["http://a.org/#Café"]


@pytest.mark.parametrize(
    ("declared", "written"),
    [("utf-8", "utf-16"), ("utf-16", "utf-8"), ("iso-8859-1", "utf-16"), ("utf-16", "iso-8859-1")],
)
def test_a_contradiction_is_refused(tmp_path: Path, declared: str, written: str) -> None:
    path = tmp_path / "a.owl"
    path.write_bytes(XML.format(encoding=declared).encode(written))
    with pytest.raises(DataError, match=f"not text in the encoding it declares .it declares {declared}"):
        read_owl([path])


def test_an_entity_bomb_in_utf_16_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.owl"
    bomb = XML.format(encoding="utf-16").replace("<!ENTITY ex", "<!ENTITY z SYSTEM 'file:///etc/passwd'> <!ENTITY ex")
    path.write_bytes(bomb.encode("utf-16"))
    with pytest.raises(DataError, match="external entity 'z'"):
        read_owl([path])


TURTLE = "@prefix : <http://a.org/#> . :Café a <http://www.w3.org/2002/07/owl#Class> ."
TRIPLES = f"<http://a.org/#Café> <{TYPE.value}> <{OWL}Class> ."
FUNCTIONAL = "Prefix(:=<http://a.org/#>)\nOntology(Declaration(Class(:Café)))"


@pytest.mark.parametrize("name", ["a.ttl", "a.nt", "a.owl", "a.ofn"])
def test_what_is_utf_8_by_definition(tmp_path: Path, name: str) -> None:
    text = {"a.nt": TRIPLES, "a.ofn": FUNCTIONAL}.get(name, TURTLE)
    path = tmp_path / name
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        path.write_bytes(text.encode(encoding))
        if name == "a.owl" and encoding not in ("utf-16", "utf-32"):
            continue  # nothing tells what it is
        with pytest.raises(DataError, match=r"is not UTF-8 text|syntax is not recognised"):
            read_owl([path])
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError):
        read_owl([path])
    path.write_bytes(text.encode())
    kb = read_owl([path])
    assert any(kb.store.quads_for_pattern(NamedNode("http://a.org/#Café"), None, None, None))


@pytest.mark.parametrize("ending", ["", ".gz", ".bz2", ".xz"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_turtle_with_a_byte_order_mark_and_packed(tmp_path: Path, mark: str, ending: str) -> None:
    path = tmp_path / f"a.ttl{ending}"
    with {"": open, ".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}[ending](path, "wb") as file:
        file.write((mark + TURTLE).encode())
    kb = read_owl([path])
    assert (list(kb.index.classes), kb.info()["sources"]) == (["http://a.org/#Café"], ["a"])


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz"])
@pytest.mark.parametrize("broken", ["cut", "other"])
def test_broken_packed_files(tmp_path: Path, ending: str, broken: str) -> None:
    path = tmp_path / f"a.ttl{ending}"
    packed = {".gz": gzip, ".bz2": bz2, ".xz": lzma}[ending].compress(TURTLE.encode())
    path.write_bytes(packed[:-10] if broken == "cut" else TURTLE.encode())
    with pytest.raises(DataError, match=r"is not a complete (gzip|bzip2|xz) file"):
        read_owl([path])


@pytest.mark.parametrize("name", ["a.ttl", "a.owl", "a.nt"])
def test_what_a_file_holds_counts_not_what_it_is_called(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(XML.format(encoding="UTF-8"), encoding="utf-8")
    assert list(read_owl([path]).index.classes) == ["http://a.org/#Café"]
    path.write_text("\n<!DOCTYPE HTML>\n<html><head><title>404</title></head></html>", encoding="utf-8")
    with pytest.raises(DataError, match="is a web page"):
        read_owl([path])


def test_files_of_one_name_become_sources_of_their_own(tmp_path: Path) -> None:
    files = ["a.ttl", "a.nt", "x/b.ttl", "y/b.ttl", "b.n3", "c.ttl"]
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            f"<http://a.org/{name}> <{TYPE.value}> <{OWL}Class> .\n",
            encoding="utf-8",
        )
    kb = build_owl([tmp_path / name for name in files], tmp_path / "kb")
    assert kb.info()["sources"] == ["a.nt", "a.ttl", "b.n3", "c", "x/b.ttl", "y/b.ttl"]
    assert len(kb.index.classes) == len(files)
    with pytest.raises(UsageError, match="two sources have the same name"):
        build_owl([tmp_path / "c.ttl", tmp_path / "c.ttl"], tmp_path / "kb2")
