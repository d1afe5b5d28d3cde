"""Class expressions as RDF, read back by ourselves, rdflib and owlready2."""

import hashlib

import owlready2
import pyoxigraph as ox
import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.expression import (
    And,
    AtLeast,
    AtMost,
    Bottom,
    DataBound,
    HasValue,
    Named,
    Not,
    Only,
    Or,
    Role,
    Some,
    Top,
    normal_form,
)
from neurontology.ontology.syntax.rdf import (
    blank_nodes,
    declarations,
    describe_store,
    describe_triples,
    digest,
    for_owl_tools,
    from_triples,
    is_skolem,
    node_of,
    skolem_nodes,
    to_triples,
)

KB = "http://example.org/kb#"
XSD = "http://www.w3.org/2001/XMLSchema#"
OWL = "http://www.w3.org/2002/07/owl#"
A, B, C = (Named(KB + n) for n in "ABC")
R, S = Role(KB + "r"), Role(KB + "s")
skolem = skolem_nodes("https://w3id.org/neurontology/")


def valid(iris):
    found = []
    for iri in iris:
        try:
            ox.NamedNode(iri)
        except ValueError:
            continue
        found.append(iri)
    return found


def literals(*numeric):
    """Literals; a store keeps the spelling of those that are not numbers."""
    kinds = [XSD + kind for kind in ("string", "token", *numeric)]
    values = st.text(max_size=6) | st.sampled_from(["5", "05", "1e5", "true"])
    return st.tuples(values, st.sampled_from([*kinds, "http://a.org/t"]))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("nodes", [skolem, blank_nodes])
def test_what_is_written_is_read_back(expressions, hostile_iris, nodes, data):
    iris = valid(hostile_iris)
    assert len(iris) > 15
    e = normal_form(data.draw(expressions(iris, iris, iris, literals("integer", "double", "boolean"))))
    assert from_triples(describe_triples(to_triples(e, nodes)), node_of(e, nodes)) == e


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_store_gives_back_what_it_was_given_and_gains_nothing_from_the_same_again(expressions, data):
    strategy = expressions([KB + n for n in "ABC"], [KB + "r"], [KB + "p"], literals())
    several = data.draw(st.lists(strategy, min_size=1, max_size=4))
    store, graph = ox.Store(), ox.NamedNode("http://example.org/run/1")
    for _ in range(2):
        for e in several:
            store.extend(ox.Quad(t.subject, t.predicate, t.object, graph) for t in to_triples(e, skolem))
        size = len(store)
        assert len(store) == size == len({t for e in several for t in to_triples(e, skolem)})
    for e in several:
        assert from_triples(describe_store(store, graph), node_of(e, skolem)) == normal_form(e)
    assert not any(isinstance(term, ox.BlankNode) for q in store for term in (q.subject, q.object))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_node_is_shared_so_that_owl_2_dl_holds(expressions, data):
    triples = to_triples(
        data.draw(expressions([KB + n for n in "ABC"], [KB + "r"], [KB + "p"], literals())), blank_nodes
    )
    objects = [t.object for t in triples if isinstance(t.object, ox.BlankNode)]
    assert len(objects) == len(set(objects))


def test_spellings_of_one_normal_form_have_one_digest_and_others_have_others():
    same = [
        And((A, Some(R, B))),
        And((Some(R, B), A)),
        Not(Or((Not(A), Only(R, Not(B))))),
        And((A, A, Some(R, B))),
    ]
    assert len({digest(e) for e in same}) == 1
    assert len({tuple(to_triples(e, skolem)) for e in same}) == 1
    others = [A, B, Not(A), And((A, B)), Or((A, B)), Some(R, A), Only(R, A), Some(S, A), AtLeast(2, R, A)]
    others += [AtLeast(3, R, A), AtMost(2, R, A), Some(Role(R.iri, inverse=True), A), Top(), Bottom()]
    assert len({digest(e) for e in others}) == len(others)


def test_the_digest_does_not_change_between_versions():
    # recorded labels are found again by it: SHA-256 of the normal form's DL notation
    text = f"∃ <{KB}r>.(<{KB}B> ⊓ ¬<{KB}A>)"
    expected = hashlib.sha256(text.encode()).hexdigest()[:32]
    assert digest(Some(R, And((Not(A), B)))) == expected == "30b0bf76e9e019c17e3e00efbbdcae84"


def test_skolem_iris_are_those_of_rdf_1_1():
    node = node_of(Not(A), skolem)
    assert node.value.startswith("https://w3id.org/.well-known/genid/nl-")
    assert is_skolem(node)
    assert not is_skolem(ox.NamedNode(A.iri))
    for base in ("urn:x:y", "no scheme", "file:///tmp/x"):
        with pytest.raises(UsageError, match="no host"):
            skolem_nodes(base)


def test_a_store_that_keeps_numbers_by_value_gives_equal_values():
    store = ox.Store()
    e = And((DataBound(KB + "p", ">=", "05.50", XSD + "decimal"), AtLeast(2, R, A)))
    store.extend(ox.Quad(t.subject, t.predicate, t.object) for t in to_triples(e, skolem))
    read = from_triples(describe_store(store), node_of(e, skolem))
    assert read == And((DataBound(KB + "p", ">=", "5.5", XSD + "decimal"), AtLeast(2, R, A)))
    exported = for_owl_tools(q.triple for q in store)
    numbers = [t.object.datatype.value for t in exported if t.predicate.value.endswith("Cardinality")]
    assert numbers == [XSD + "nonNegativeInteger"]


EXPRESSIONS = [
    Not(A),
    And((A, B, Not(C))),
    Or((A, And((B, C)))),
    Some(R, And((A, Not(B)))),
    Only(R, Some(Role(KB + "s", inverse=True), Top())),
    AtLeast(2, R, A),
    AtMost(3, S, Or((A, Bottom()))),
    HasValue(KB + "p", "red", XSD + "string"),
    DataBound(KB + "q", ">=", "5", XSD + "integer"),
    DataBound(KB + "q", "<=", "0.5", XSD + "decimal"),
    And((A, Some(R, B), Not(Some(R, C)), HasValue(KB + "p", "true", XSD + "boolean"))),
]


def owlready_form(construct):
    """Our expression for one of owlready2's constructs, by its own classes only."""
    match construct:
        case owlready2.Not():
            return Not(owlready_form(construct.Class))
        case owlready2.And() | owlready2.Or():
            kind = And if isinstance(construct, owlready2.And) else Or
            return kind(tuple(owlready_form(part) for part in construct.Classes))
        case owlready2.Restriction():
            return owlready_restriction(construct)
        case _ if construct is owlready2.Thing:
            return Top()
        case _ if construct is owlready2.Nothing:
            return Bottom()
    return Named(construct.iri)


def owlready_restriction(construct):
    prop, value = construct.property, construct.value
    inverse = isinstance(prop, owlready2.Inverse)
    role = Role(prop.property.iri if inverse else prop.iri, inverse)
    if construct.type == owlready2.VALUE:
        kind = {bool: "boolean", str: "string", int: "integer", float: "decimal"}[type(value)]
        return HasValue(role.iri, str(value).lower() if kind == "boolean" else str(value), XSD + kind)
    if isinstance(value, owlready2.ConstrainedDatatype):
        kind = {int: "integer", float: "decimal"}[value.base_datatype]
        facet, bound = (">=", value.min_inclusive) if hasattr(value, "min_inclusive") else ("<=", value.max_inclusive)
        return DataBound(role.iri, facet, str(bound), XSD + kind)
    filler = owlready_form(value)
    match construct.type:
        case owlready2.SOME:
            return Some(role, filler)
        case owlready2.ONLY:
            return Only(role, filler)
        case owlready2.MIN:
            return AtLeast(construct.cardinality, role, filler)
        case owlready2.MAX:
            return AtMost(construct.cardinality, role, filler)
    raise AssertionError(construct)


@pytest.fixture(scope="module")
def owl_file(tmp_path_factory):
    """A file as an export would write it: stored with skolem IRIs, unskolemised, serialised."""
    store = ox.Store()
    typed = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
    store.add(ox.Quad(ox.NamedNode(KB[:-1]), typed, ox.NamedNode(OWL + "Ontology")))
    for at, e in enumerate(EXPRESSIONS):
        label = ox.NamedNode(f"{KB}Label{at}")
        triples = [
            *declarations(e),
            *to_triples(e, skolem),
            ox.Triple(label, typed, ox.NamedNode(OWL + "Class")),
        ]
        triples.append(ox.Triple(label, ox.NamedNode(OWL + "equivalentClass"), node_of(e, skolem)))
        store.extend(ox.Quad(t.subject, t.predicate, t.object) for t in triples)
    path = tmp_path_factory.mktemp("owl") / "labels.nt"
    ox.serialize(for_owl_tools(q.triple for q in store), path, format=ox.RdfFormat.N_TRIPLES)
    return path


def test_owlready2_reads_the_same_class_expressions(owl_file):
    world = owlready2.World()
    ontology = world.get_ontology(owl_file.as_uri()).load()
    read = [normal_form(owlready_form(world[f"{KB}Label{at}"].equivalent_to[0])) for at in range(len(EXPRESSIONS))]
    assert read == [normal_form(e) for e in EXPRESSIONS]
    assert ontology.graph is not None
    world.close()


def test_rdflib_reads_the_same_class_expressions(owl_file):
    graph = rdflib.Graph().parse(owl_file, format="nt")

    def term(node):
        if isinstance(node, rdflib.URIRef):
            return ox.NamedNode(str(node))
        if isinstance(node, rdflib.BNode):
            return ox.BlankNode(str(node))
        return ox.Literal(str(node), datatype=ox.NamedNode(str(node.datatype or XSD + "string")))

    triples = [ox.Triple(term(s), term(p), term(o)) for s, p, o in graph]
    describe = describe_triples(triples)
    for at, e in enumerate(EXPRESSIONS):
        facts = dict(describe(ox.NamedNode(f"{KB}Label{at}")))
        assert from_triples(describe, facts[ox.NamedNode(OWL + "equivalentClass")]) == normal_form(e)


def test_rdflib_recognises_the_skolem_iris():
    lines = "\n".join(f"{t} ." for t in to_triples(Some(R, Not(A)), skolem))
    graph = rdflib.Graph().parse(data=lines, format="nt").de_skolemize()
    assert sum(isinstance(subject, rdflib.BNode) for subject in set(graph.subjects())) == 2


def turtle(text):
    prefixes = {"owl": OWL, "xsd": XSD, "": KB, "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}
    head = "".join(f"@prefix {prefix}: <{iri}> . " for prefix, iri in prefixes.items())
    return describe_triples(q.triple for q in ox.parse(head + text, format=ox.RdfFormat.TURTLE))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("_:x owl:onProperty :r ; owl:minCardinality 2 .", AtLeast(2, R, Top())),
        ("_:x owl:onProperty :r ; owl:cardinality 1 .", And((AtLeast(1, R, Top()), AtMost(1, R, Top())))),
        (
            "_:x owl:onProperty :r ; owl:qualifiedCardinality 1 ; owl:onClass :A .",
            And((AtLeast(1, R, A), AtMost(1, R, A))),
        ),
        ("_:x owl:unionOf (:A) .", A),
        ("_:x owl:intersectionOf () .", Top()),
        (":A owl:complementOf :B . _:x owl:complementOf :A .", Not(A)),
    ],
)
def test_what_other_tools_write_is_read(text, expected):
    assert from_triples(turtle(text), ox.BlankNode("x")) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("_:x owl:complementOf _:x .", "contains itself"),
        ("_:x owl:complementOf _:y . _:y owl:intersectionOf (_:x :A) .", "contains itself"),
        ("_:x owl:intersectionOf _:l . _:l rdf:first :A ; rdf:rest _:l .", "list of operands does not end"),
        ("_:x owl:intersectionOf _:l . _:l rdf:first :A .", "list of operands is broken"),
        ("_:x owl:complementOf :A, :B .", "has two values"),
        ('_:x owl:complementOf "A" .', "a literal stands"),
        ("_:x owl:onProperty :r .", "does not say what it restricts"),
        ("_:x owl:onProperty :r ; owl:maxCardinality -1 .", "cardinality is not a number"),
        ("_:x owl:onProperty _:y ; owl:someValuesFrom :A .", "neither an IRI nor owl:inverseOf"),
        ("_:x owl:onProperty :r ; owl:hasValue :i .", "no plain or typed literal"),
        ("_:x owl:oneOf (:i) .", "not a class expression of this language"),
        (
            "_:x owl:onProperty :p ; owl:someValuesFrom [ owl:onDatatype xsd:integer ; "
            "owl:withRestrictions ([ xsd:maxExclusive 5 ]) ] .",
            "data range is not one",
        ),
        ("", "not a class expression of this language"),
    ],
)
def test_broken_triples_are_refused(text, message):
    with pytest.raises(DataError, match=message):
        from_triples(turtle(text), ox.BlankNode("x"))


def test_a_name_that_is_no_iri_is_refused():
    with pytest.raises(DataError, match=r"not a valid IRI.*percent-encoded"):
        to_triples(Not(Named("http://example.org/a b")), skolem)
