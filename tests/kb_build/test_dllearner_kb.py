"""The .kb reader against ontologies that were published as .kb and as OWL, and hand-written triples."""

import gzip
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.kb_build.dllearner_kb import BASE, convert_kb, read_kb
from neurontology.kb_build.owl import owl_sources, read_owl
from neurontology.ontology.errors import DataError
from neurontology.ontology.expression import (
    AtLeast,
    AtMost,
    ClassExpression,
    HasValue,
    Named,
    Only,
    Or,
    Role,
    Some,
    Top,
    named_classes,
    normal_form,
)
from neurontology.ontology.kb import KB
from neurontology.ontology.syntax.rdf import describe_triples, from_triples
from neurontology.ontology.vocabulary import EQUIVALENT, OWL, RDFS, SUBCLASS, TYPE, XSD
from pyoxigraph import BlankNode, Literal, NamedNode, Triple


def name(local: str) -> NamedNode:
    return NamedNode(BASE + local)


def named(local: str) -> Named:
    return Named(BASE + local)


def triples(text: str) -> set[Triple]:
    return set(read_kb(text, Path("k.kb")))


def links(text: str) -> set[tuple[str, str, str]]:
    """Triples without declarations, as local names."""
    return {
        (str(t.subject), str(t.predicate), str(t.object))
        for t in triples(text)
        if t.object not in {NamedNode(OWL + k) for k in ("Class", "ObjectProperty", "NamedIndividual")}
    }


def defined(text: str, predicate: NamedNode) -> ClassExpression:
    """Expression that the only axiom of a kind gives."""
    found = read_kb(text, Path("k.kb"))
    (node,) = (t.object for t in found if t.predicate == predicate)
    assert not isinstance(node, Literal | Triple)
    return from_triples(describe_triples(found), node)


def test_assertions() -> None:
    found = triples('// all\nmale(stefan). hasChild(stefan,"http://b.org/x"). /* end */')
    kinds = {"male": "Class", "hasChild": "ObjectProperty", "stefan": "NamedIndividual"}
    expected = {Triple(name(n), TYPE, NamedNode(OWL + k)) for n, k in kinds.items()}
    other = NamedNode("http://b.org/x")
    assert found == expected | {
        Triple(other, TYPE, NamedNode(OWL + "NamedIndividual")),
        Triple(name("stefan"), TYPE, name("male")),
        Triple(name("stefan"), name("hasChild"), other),
    }


def test_roles() -> None:
    text = """Transitive(r). Functional(r). Symmetric(r). Subrole(r,s). Inverse(r,t).
    OPDOMAIN(r) = a. RANGE(r) = b. DPDOMAIN(d) = a. DPRANGE(d) = DOUBLE."""
    r = str(name("r"))
    expected = {(r, str(TYPE), f"<{OWL}{k}Property>") for k in ("Transitive", "Functional", "Symmetric")}
    expected |= {
        (r, f"<{RDFS}subPropertyOf>", str(name("s"))),
        (r, f"<{OWL}inverseOf>", str(name("t"))),
        (r, f"<{RDFS}domain>", str(name("a"))),
        (r, f"<{RDFS}range>", str(name("b"))),
        (str(name("d")), f"<{RDFS}domain>", str(name("a"))),
        (str(name("d")), str(TYPE), f"<{OWL}DatatypeProperty>"),
        (str(name("d")), f"<{RDFS}range>", f"<{XSD}double>"),
    }
    assert links(text) == expected


@pytest.mark.parametrize(
    "text",
    ["BOTTOM = (a AND b).", "(a AND b) = BOTTOM.", "(a AND b) SUB BOTTOM.", "(a AND b) SUBCLASSOF BOTTOM."],
)
def test_disjoint_classes_in_every_spelling(text: str) -> None:
    assert links(text) == {(str(name("a")), f"<{OWL}disjointWith>", str(name("b")))}


def test_class_axioms() -> None:
    assert links("a SUB b.") == {(str(name("a")), str(SUBCLASS), str(name("b")))}
    assert links("a = b.") == {(str(name("a")), str(EQUIVALENT), str(name("b")))}
    # The name is the subject on whichever side it stands.
    found = read_kb("EXISTS r.TOP = a.", Path("k.kb"))
    assert [t.subject for t in found if t.predicate == EQUIVALENT] == [name("a")]
    assert defined("a SUB EXISTS r.(b OR c).", SUBCLASS) == Some(Role(BASE + "r"), Or((named("b"), named("c"))))
    with pytest.raises(ValueError, match="not enough values"):
        defined("a SUB (b AND NOT BOTTOM).", EQUIVALENT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ALL r.SOME s.b", Only(Role(BASE + "r"), Some(Role(BASE + "s"), named("b")))),
        (">= 2 r.TOP", AtLeast(2, Role(BASE + "r"), Top())),
        ("<= 3 r.(b)", AtMost(3, Role(BASE + "r"), named("b"))),
        ("(b OR c OR d)", Or((named("b"), named("c"), named("d")))),
        ("(d IS TRUE)", HasValue(BASE + "d", "true", XSD + "boolean")),
        ('(d STRINGVALUE "x y")', HasValue(BASE + "d", "x y", XSD + "string")),
    ],
)
def test_class_expressions(text: str, expected: ClassExpression) -> None:
    assert defined(f"a = {text}.", EQUIVALENT) == expected


def test_anonymous_classes_belong_to_one_statement() -> None:
    found = read_kb("NOT a(x). NOT a(y). NOT EXISTS r.TOP(x).", Path("k.kb"))
    nodes = [t.object for t in found if t.predicate == TYPE and isinstance(t.object, BlankNode)]
    assert len(set(nodes)) == 3
    assert found == read_kb("NOT a(x). NOT a(y). NOT EXISTS r.TOP(x).", Path("k.kb"))


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a(x).\nb(y)", 2, "the text ends here; expected '.'"),
        ("a(x).\n\n(a AND b OR c) = d.", 3, "found 'OR'; expected AND or ')'"),
        ("a(x).\nEXISTS r b(x).", 2, "expected '.'"),
        ("a b.", 1, "'(', '=' or SUB after a class"),
        ("(a AND b)(x,y).", 1, "only a role by its name"),
        ("a(AND).", 1, "the name of an individual"),
        (">= x r.b(c).", 1, "a number"),
        ("a(x). /* b\n", 1, "the comment is not closed"),
        ('a(x).\n"a(y).', 2, "the string is not closed"),
        ("a(x).\n§", 2, "found '§'"),
        ('"http://a b"(x).', 1, "not a valid IRI"),
        ("a = " + "(" * 5000, 1, "levels of nesting"),
        ("a = " + "NOT " * 200 + "b.", 1, "levels of nesting"),
        ("DPRANGE(d) = a.", 1, "DOUBLE, BOOLEAN or INTEGER"),
    ],
)
def test_errors_name_the_line(text: str, line: int, what: str) -> None:
    with pytest.raises(DataError, match=re.escape(what)) as error:
        read_kb(text, Path("k.kb"))
    assert str(error.value).startswith(f"k.kb:{line}: ")


WHOLE = 'a = (b AND NOT EXISTS r.(c OR >= 2 "http://x.org/s".TOP)). // x\nSubrole(r,s). r(i,j). (d IS TRUE)(i).'


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 110), st.integers(0, 20), st.text('()".,=<>/* abNOT1\n', max_size=5))
def test_damaged_documents_never_fail_otherwise(at: int, cut: int, insert: str) -> None:
    try:
        read_kb(WHOLE[:at] + insert + WHOLE[at + cut :], Path("k.kb"))
    except DataError as error:
        assert str(error).startswith("k.kb:")


def test_files_packed_and_broken(tmp_path: Path) -> None:
    (tmp_path / "k.kb").write_text("\ufeffmale(stefan).\r\n", encoding="utf-8")
    (tmp_path / "p.kb.gz").write_bytes(gzip.compress(b"male(bernd)."))
    with owl_sources([tmp_path / "k.kb", tmp_path / "p.kb.gz"]) as sources:
        assert [s.name for s in sources] == ["k", "p"]
        index = KB.in_memory(sources).index
    assert list(index.individuals) == [BASE + "bernd", BASE + "stefan"]
    (tmp_path / "k.kb").write_bytes(b"male(x).\nmale(caf\xe9).")
    with pytest.raises(DataError, match=r"k.kb:2: is not UTF-8"):
        convert_kb(tmp_path / "k.kb", tmp_path / "k.nt", origin=tmp_path / "k.kb")


# -- real files ------------------------------------------------------------------------------------------

PAIRS = {
    "ecii-aaai/owl/forte/forte_family": "forte_family.owl",
    "ecii-aaai/owl/moral_reasoner/moral": "moral.owl",
    "ecii-aaai/owl/poker/pair": "pair50.owl",
    "dl-learner/arch/arch": "arch.owl",
    "dl-learner/family/uncle": "uncle.owl",
}
AXIOMS = frozenset({SUBCLASS, EQUIVALENT, TYPE, NamedNode(RDFS + "domain"), NamedNode(RDFS + "range")})
NOTHING, DISJOINT = NamedNode(OWL + "Nothing"), NamedNode(OWL + "disjointWith")
DECLARED = [NamedNode(OWL + k) for k in ("NamedIndividual", "Class", "Thing", "ObjectProperty", "Ontology")]

Statement = tuple[str, str, str] | tuple[str, str, ClassExpression] | frozenset[str]


def statements(path: Path) -> set[Statement]:
    """What is said of names, anonymous classes in normal form; a set of two names for disjoint classes."""
    kb = read_owl([path])
    found = [quad.triple for quad in kb.content(kb.entry("tbox", path.stem))]
    describe = describe_triples(found)
    result: set[Statement] = set()
    for t in found:
        subject, predicate, obj = t.subject, t.predicate, t.object
        assert not isinstance(subject, Triple)
        if predicate in (EQUIVALENT, SUBCLASS) and NOTHING in (subject, obj):
            # The OWL files say "the intersection is empty", the reader of .kb says "they are disjoint".
            node = obj if subject == NOTHING else subject
            assert isinstance(node, BlankNode)
            result.add(frozenset(named_classes(from_triples(describe, node))))
        elif predicate == DISJOINT:
            assert isinstance(obj, NamedNode)
            result.add(frozenset((subject.value, obj.value)))
        elif isinstance(subject, NamedNode) and isinstance(obj, BlankNode) and predicate in AXIOMS:
            result.add((subject.value, predicate.value, normal_form(from_triples(describe, obj))))
        elif isinstance(subject, NamedNode) and isinstance(obj, NamedNode) and obj not in DECLARED:
            result.add((subject.value, predicate.value, obj.value))
    return result


@pytest.mark.parametrize("stem", PAIRS)
def test_the_same_ontology_in_both_syntaxes(stem: str, shared_data: Path) -> None:
    kb = (shared_data / stem).with_suffix(".kb")
    said = statements(kb)
    assert len(said) > 30
    assert said == statements(kb.with_name(PAIRS[stem]))


def test_every_real_file_is_read(shared_data: Path) -> None:
    """Counts by ``grep -c``: one assertion, and at most one axiom, on a line of these files."""
    files = sorted(shared_data.glob("*/**/*.kb"))
    assert len(files) == 10
    for file in files:
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", file.read_text(), flags=re.DOTALL)
        facts = re.findall(r"^\s*(?:NOT )?[a-z]\w*\((\w+)(?:,(\w+))?\)\.", text, re.MULTILINE)
        facts += re.findall(r"(?<=\. )\s*[a-z]\w*\((\w+)(?:,(\w+))?\)\.", text)
        index = read_owl([file]).index
        assert {BASE + i for pair in facts for i in pair if i} == set(index.individuals), file
