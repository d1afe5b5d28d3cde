"""OWL 2 Manchester syntax."""

import csv
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.ontology.errors import UsageError
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
)
from neurontology.ontology.names import NameTable, local_name
from neurontology.ontology.syntax import ExpressionSyntaxError
from neurontology.ontology.syntax.manchester import parse, render

XSD = "http://www.w3.org/2001/XMLSchema#"
A, B, C, D = (Named(n) for n in "ABCD")
R, S = Role("r"), Role("s")


def verbatim(name):
    return name


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back(expressions, hostile_iris, data):
    e = data.draw(expressions(hostile_iris, hostile_iris, hostile_iris))
    table = NameTable(hostile_iris)
    assert parse(render(e, table.short), table.to_iri) == e
    assert parse(render(e)) == e


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("r some (A and (not B))", Some(R, And((A, Not(B))))),
        ("(r some A) and B", And((Some(R, A), B))),
        ("(A and B) or (C and D)", Or((And((A, B)), And((C, D))))),
        ("not (r some A)", Not(Some(R, A))),
        ("not (not A)", Not(Not(A))),
        ("r some (s only (not A))", Some(R, Only(S, Not(A)))),
        ("inverse r some owl:Thing", Some(Role("r", inverse=True), Top())),
        ("r min 2 A", AtLeast(2, R, A)),
        ("r max 3 owl:Nothing", AtMost(3, R, Bottom())),
        ("age some xsd:integer[>= 5]", DataBound("age", ">=", "5", XSD + "integer")),
        ('age some xsd:double[<= "5e-1"^^xsd:double]', DataBound("age", "<=", "5e-1", XSD + "double")),
        ('name value "red"', HasValue("name", "red", XSD + "string")),
        ("open value true", HasValue("open", "true", XSD + "boolean")),
    ],
)
def test_written_forms(text, expression):
    assert render(expression, local_name) == text
    assert parse(text, verbatim) == expression


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("A and B or C and D", Or((And((A, B)), And((C, D))))),
        ("A and r some B and not C", And((A, Some(R, B), Not(C)))),
        ("r some s some A", Some(R, Some(S, A))),
        ("not r some A", Not(Some(R, A))),
        ("A that r some B", And((A, Some(R, B)))),
        ("r exactly 2 A", And((AtLeast(2, R, A), AtMost(2, R, A)))),
        ("r min 2", AtLeast(2, R, Top())),
        ("(r max 2) and A", And((AtMost(2, R, Top()), A))),
        ("inverse (r) some A", Some(Role("r", inverse=True), A)),
        ("(inverse r) some A", Some(Role("r", inverse=True), A)),
        ("(inverse r some A) or B", Or((Some(Role("r", inverse=True), A), B))),
        ("age some [>= 5]", DataBound("age", ">=", "5", XSD + "integer")),
        ("age some xsd:double[<= 0.5]", DataBound("age", "<=", "0.5", XSD + "double")),
        ("age some [<= 0.5f]", DataBound("age", "<=", "0.5", XSD + "float")),
        (f"age some <{XSD}int>[>= 5]", DataBound("age", ">=", "5", XSD + "int")),
        ("<http://a.org/x y> and A", And((Named("http://a.org/x y"), A))),
    ],
)
def test_other_printings_are_read(text, expression):
    assert parse(text, verbatim) == expression


def test_all_kinds_of_parts_together_are_read():
    # the kinds of parts of the grammar's "description", in the pizza style
    text = "Pizza and hasTopping some (CheeseTopping or not MeatTopping) and hasBase exactly 1 Base"
    topping = Or((Named("CheeseTopping"), Not(Named("MeatTopping"))))
    base = (Role("hasBase"), Named("Base"))
    assert parse(text, verbatim) == And(
        (Named("Pizza"), Some(Role("hasTopping"), topping), And((AtLeast(1, *base), AtMost(1, *base))))
    )


def test_quoted_labels_are_resolved_by_their_own_callable():
    table = NameTable(["http://a.org/#n1", "http://a.org/#has_part"], label_of={"http://a.org/#n1": "driver's cab"}.get)
    e = parse("'has part' some 'driver\\'s cab'", table.to_iri, table.from_label)
    assert e == Some(Role("http://a.org/#has_part"), Named("http://a.org/#n1"))
    with pytest.raises(UsageError, match=r"column 1: there is no 'has prt'\. Did you mean has part"):
        parse("'has prt' some A", table.to_iri, table.from_label)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "the text ends here; expected a class"),
        ("A and ", 7, "the text ends here; expected a class"),
        ("A B", 3, "found 'B'; expected 'and', 'or' or the end"),
        ("r some", 7, "expected a class"),
        ("and A", 1, "found 'and'; expected a class"),
        ("A and or B", 7, "found 'or'; expected a class"),
        ("r some (A", 10, r"expected '\)'"),
        ("r Self", 3, "found 'Self'; expected 'some', 'only'"),
        ("inverse r and A", 11, "found 'and'; expected 'some', 'only'"),
        ("r min two A", 7, "expected a number"),
        ("age some [> 5]", 11, "expected '>=' or '<='"),
        ("age some [>= 5, <= 7]", 15, "expected ']' after one facet"),
        ("age some xsd:integer", 21, "expected '\\[' with a facet"),
        ('age some xsd:integer[>= "5"^^xsd:double]', 25, "expected a value of the datatype"),
        ("inverse age some [>= 5]", 18, "inverse role has no literal"),
        ("inverse age value 5", 19, "inverse role has no literal"),
        ("p value x", 9, "expected a literal"),
        ("owl:Thing some A", 1, "expected a role before the restriction"),
        ("'open", 6, "at the end of the label"),
        ("null and A", 1, "'null' stands where a class should be"),
        ("(" * 5000 + "A", 102, "at most 100 levels"),
        ("not " * 5000 + "A", 405, "at most 100 levels"),
    ],
)
def test_errors_say_where_and_what_was_expected(text, column, message):
    with pytest.raises(ExpressionSyntaxError, match=message) as caught:
        parse(text, verbatim)
    assert caught.value.column == column


def test_every_expression_that_dl_learner_published_is_read(shared_data):
    with (shared_data / "ecii-aaai" / "results.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row["best_expression"] for row in csv.DictReader(lines) if row["system"] == "dl-learner"]
    texts = [text for text in rows if text and not re.search("[⊓⊔∃¬]", text)]
    assert len(texts) > 30
    table_free = {text: parse(text, verbatim) for text in texts}
    for e in table_free.values():
        assert parse(render(e, verbatim), verbatim) == e
