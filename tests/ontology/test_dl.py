"""Description-logic notation."""

import csv
import gzip

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
from neurontology.ontology.syntax import ExpressionSyntaxError, parse, render
from neurontology.ontology.syntax.dl import parse as parse_dl
from neurontology.ontology.syntax.dl import render as render_dl

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
    assert parse_dl(render_dl(e, table.short), table.to_iri) == e
    assert parse_dl(render_dl(e)) == e


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("∃ r.(A ⊓ ¬B)", Some(R, And((A, Not(B))))),
        ("∃ r.A ⊓ B", And((Some(R, A), B))),
        ("A ⊓ B ⊔ C ⊓ D", Or((And((A, B)), And((C, D))))),
        ("(A ⊔ B) ⊓ C", And((Or((A, B)), C))),
        ("(A ⊓ B) ⊓ C", And((And((A, B)), C))),
        ("A ⊔ (B ⊔ C)", Or((A, Or((B, C))))),
        ("¬∃ r.A", Not(Some(R, A))),
        ("¬¬A", Not(Not(A))),
        ("¬(A ⊓ B)", Not(And((A, B)))),
        ("∃ r.∀ s.¬A", Some(R, Only(S, Not(A)))),
        ("∃ r⁻.⊤", Some(Role("r", inverse=True), Top())),
        ("≥ 2 r.A", AtLeast(2, R, A)),
        ("≤ 3 r.⊥", AtMost(3, R, Bottom())),
        ("∃ age.[≥ 5]", DataBound("age", ">=", "5", XSD + "integer")),
        ("∃ age.[≤ 0.5]", DataBound("age", "<=", "0.5", XSD + "decimal")),
        ('∃ age.[≤ "5e-1"^^xsd:double]', DataBound("age", "<=", "5e-1", XSD + "double")),
        ('∃ name.{"a \\"b\\""}', HasValue("name", 'a "b"', XSD + "string")),
        ("∃ open.{true}", HasValue("open", "true", XSD + "boolean")),
        ('∃ p.{"x"^^<http://a.org/t>}', HasValue("p", "x", "http://a.org/t")),
    ],
)
def test_written_forms(text, expression):
    assert render_dl(expression, local_name) == text
    assert parse_dl(text, verbatim) == expression


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        (
            "∃ :r.((:A ⊓ :B) ⊓ (:C ⊔ ¬ :D))",
            Some(Role(":r"), And((And((Named(":A"), Named(":B"))), Or((Named(":C"), Not(Named(":D"))))))),
        ),
        ("∃ p:r.((p:A) ⊓ (p:B))", Some(Role("p:r"), And((Named("p:A"), Named("p:B"))))),
        ("(( ¬ A) ⊔ (B))", Or((Not(A), B))),
        ("∃r.( ¬ A)", Some(R, Not(A))),
        ("  ∃\tr . ( ( A ) )\n", Some(R, A)),
        ("∃ (r⁻).A", Some(Role("r", inverse=True), A)),
        ("≥2 r.A", AtLeast(2, R, A)),
        ("= 2 r.A", And((AtLeast(2, R, A), AtMost(2, R, A)))),
        ("∃ age.[>= 5]", DataBound("age", ">=", "5", XSD + "integer")),
        ("∃ r.St._Louis", Some(R, Named("St._Louis"))),
        ("<http://a.org/x y>", Named("http://a.org/x y")),
        ("owl:Thing ⊓ <http://www.w3.org/2002/07/owl#Nothing>", And((Top(), Bottom()))),
    ],
)
def test_other_printings_are_read(text, expression):
    assert parse_dl(text, verbatim) == expression


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "the text ends here; expected a class"),
        ("A ⊓ ", 5, "the text ends here; expected a class"),
        ("A B", 3, "found 'B'; expected '⊓', '⊔' or the end"),
        ("∃ r A", 5, "found 'A'; expected '.' between the role and the class"),
        ("∃ r.(A ⊓ B", 11, r"expected '\)'"),
        ("∃ :imageContains.((:Building ⊓ null) ⊓ (:Gate))", 32, "'null' stands where a class should be"),
        ("∃ .A", 3, "found '.A'; expected a role"),
        ("≥ x r.A", 3, "expected a number"),
        ("≥ -1 r.A", 3, "expected a number"),
        ("∃ age.[> 5]", 8, "found '>'; expected '≥' or '≤'"),
        ("∃ age.[≥ 5", 11, "expected ']'"),
        ("∃ age.[≥ x]", 10, "expected a literal"),
        ("∃ age⁻.[≥ 5]", 8, "inverse role has no literal"),
        ("∃ r.{x}", 6, "expected a literal"),
        ("A ⊓ <http://a", 14, "expected '>' at the end of the IRI"),
        ("<>", 2, "expected an IRI between"),
        ('∃ p.{"\\q"}', 7, "expected one of the escapes"),
        ("A\u200f", 2, r"found the character U\+200F"),
        ("(" * 5000 + "A", 102, "at most 100 levels"),
        ("¬" * 5000 + "A", 102, "at most 100 levels"),
        ("∃ " + "(" * 5000, 4, "expected a role"),
    ],
)
def test_errors_say_where_and_what_was_expected(text, column, message):
    with pytest.raises(ExpressionSyntaxError, match=message) as caught:
        parse_dl(text, verbatim)
    assert caught.value.column == column
    assert f"column {column} of" in str(caught.value)


def test_an_unknown_name_is_reported_with_its_column():
    table = NameTable(["http://a.org/#Road", "http://a.org/#contains"])
    with pytest.raises(UsageError, match=r"^column 12: there is no 'Raod'\. Did you mean Road"):
        parse_dl("∃ contains.Raod", table.to_iri)


def test_without_a_resolver_only_full_iris_are_read():
    assert parse("<http://a.org/#Road>") == Named("http://a.org/#Road")
    with pytest.raises(UsageError, match="column 1: the name 'Road' cannot be resolved; expected a full IRI"):
        parse("Road")


def test_the_resolver_of_syntaxes_names_those_it_knows():
    road = Named("http://a.org/#Road")
    assert render(road, "dl") == render(road, "manchester") == "Road"
    with pytest.raises(UsageError, match=r"no syntax 'machester' to write\. Did you mean manchester"):
        render(road, "machester")
    with pytest.raises(UsageError, match="no syntax 'english' to read"):
        parse("a road", "english")


def test_names_are_short_only_where_they_are_unique_in_the_expression():
    e = And((Named("http://a.org/#X"), Named("http://b.org/#X"), Named("http://b.org/#Y")))
    assert render(e) == "<http://a.org/#X> ⊓ <http://b.org/#X> ⊓ Y"


def test_every_expression_that_ecii_published_is_read(shared_data):
    read = null = 0
    files = sorted((shared_data / "resnet50v2-neurons" / "ecii-solutions").glob("*.csv"))
    files += sorted((shared_data / "ade20k-kb" / "experiments").rglob("*_solutions.csv"))
    for path in files:
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                try:
                    e = parse_dl(row["expression"], verbatim)
                except ExpressionSyntaxError as error:
                    assert "'null' stands where" in str(error), row
                    assert "null" in row["expression"]
                    null += 1
                else:
                    assert parse_dl(render_dl(e, verbatim), verbatim) == e
                    read += 1
    assert read > 12_353
    assert null > 100


def test_ecii_result_logs_are_read(shared_data):
    found = 0
    for path in sorted((shared_data / "resnet50v2-neurons" / "ecii-results-raw").glob("*.gz"))[:5]:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                head, _, text = line.partition(": ")
                if head.startswith("solution "):
                    parse_dl(text, verbatim)
                    found += 1
    assert found > 500
