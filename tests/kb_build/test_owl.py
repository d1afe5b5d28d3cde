"""OWL files: the syntaxes, gzip, and files that are broken or hostile."""

import gzip
from pathlib import Path

import pytest
import rdflib
from neurontology.kb_build.owl import build_owl, open_kb, read_owl
from neurontology.ontology.errors import DataError, UsageError

TURTLE = """@prefix : <http://example.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Car rdfs:subClassOf :Vehicle . :Bus rdfs:subClassOf :Vehicle .
"""
HEAD = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"><rdf:Description rdf:about="http://example.org/a">"""
TAIL = "</rdf:Description></rdf:RDF>"


@pytest.mark.parametrize(("syntax", "suffix"), [("xml", ".owl"), ("turtle", ".owl"), ("nt", ".nt"), ("xml", ".rdf")])
def test_each_syntax_gives_the_same_classes(tmp_path: Path, syntax: str, suffix: str) -> None:
    file = tmp_path / f"o{suffix}"
    rdflib.Graph().parse(data=TURTLE, format="turtle").serialize(file, format=syntax, encoding="utf-8")
    assert [c.rpartition("/")[2] for c in read_owl([file]).index.classes] == ["Bus", "Car", "Vehicle"]


def test_gzip_and_several_files(tmp_path: Path) -> None:
    (tmp_path / "a.ttl.gz").write_bytes(gzip.compress(TURTLE.encode()))
    (tmp_path / "b.ttl").write_text(TURTLE.replace(":Bus", ":Boat"))
    kb = build_owl([tmp_path / "a.ttl.gz", tmp_path / "b.ttl"], tmp_path / "kb")
    assert kb.info()["sources"] == ["a", "b"]
    assert kb.info()["subclass_axioms"] == 3
    assert open_kb([tmp_path / "kb"]).info() == kb.info()


def test_a_missing_file_is_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nope\.owl: the file does not exist"):
        read_owl([tmp_path / "nope.owl"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("just words", "the syntax is not recognised"),
        ("<rdf:RDF", "not valid RDF/XML"),
        (TURTLE + ":x rdfs:label", r"bad\.owl:\d+: not valid Turtle"),
    ],
)
def test_broken_files_are_named_and_nothing_is_written(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bad.owl").write_text(content)
    with pytest.raises(DataError, match=message):
        build_owl([tmp_path / "bad.owl"], tmp_path / "kb")
    assert [p.name for p in tmp_path.iterdir()] == ["bad.owl"]


def test_truncated_and_false_gzip(tmp_path: Path) -> None:
    packed = gzip.compress(TURTLE.encode() * 1000)
    for name, content in (("cut.ttl.gz", packed[: len(packed) // 2]), ("not.ttl.gz", TURTLE.encode())):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="not a complete gzip file"):
            read_owl([tmp_path / name])


def test_entities_for_namespaces_are_expanded(tmp_path: Path) -> None:
    doctype = '<!DOCTYPE rdf:RDF [<!ENTITY ex "http://example.org/">]>'
    (tmp_path / "o.owl").write_text(doctype + HEAD + '<rdfs:subClassOf rdf:resource="&ex;b"/>' + TAIL)
    assert "http://example.org/b" in read_owl([tmp_path / "o.owl"]).index.classes


def test_an_entity_bomb_is_refused(tmp_path: Path) -> None:
    levels = '<!ENTITY l0 "aaaaaaaaaa">' + "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    (tmp_path / "o.owl").write_text(f"<!DOCTYPE rdf:RDF [{levels}]>{HEAD}<rdfs:label>&l11;</rdfs:label>{TAIL}")
    with pytest.raises(DataError, match="entities would expand to"):
        read_owl([tmp_path / "o.owl"])


def test_many_references_to_one_long_entity_are_refused(tmp_path: Path) -> None:
    doctype = f'<!DOCTYPE rdf:RDF [<!ENTITY a "{"x" * 100_000}">]>'
    (tmp_path / "o.owl").write_text(f"{doctype}{HEAD}<rdfs:label>{'&a;' * 10_000}</rdfs:label>{TAIL}")
    with pytest.raises(DataError, match="entities would expand to"):
        read_owl([tmp_path / "o.owl"])


@pytest.mark.parametrize("declaration", ['a SYSTEM "file:///etc/passwd"', '% a SYSTEM "http://example.org/x"'])
def test_external_entities_are_refused(tmp_path: Path, declaration: str) -> None:
    text = f"<!DOCTYPE rdf:RDF [<!ENTITY {declaration}>]>{HEAD}<rdfs:label>&a;</rdfs:label>{TAIL}"
    (tmp_path / "o.owl").write_text(text)
    with pytest.raises(DataError, match=r"o\.owl:1: declares the external entity"):
        read_owl([tmp_path / "o.owl"])
