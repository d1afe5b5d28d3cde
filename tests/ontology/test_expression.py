"""Length, normal form and the walks over class expressions."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
    length,
    named_classes,
    normal_form,
    properties,
    subexpressions,
)

A, B, C = Named("a"), Named("b"), Named("c")
R, S = Role("r"), Role("s")
XSD = "http://www.w3.org/2001/XMLSchema#"


def random_interpretation(make, seed):
    chance = random.Random(seed)
    domain = range(chance.randint(1, 5))
    pairs = [(x, y) for x in domain for y in domain]
    return make(
        domain,
        {name: {x for x in domain if chance.random() < 0.5} for name in "abc"},
        {name: {pair for pair in pairs if chance.random() < 0.4} for name in "rs"},
        {"p": {(x, float(chance.randint(0, 4))) for x in domain if chance.random() < 0.7}},
    )


def small(expressions):
    values = st.tuples(st.sampled_from("0123"), st.just(XSD + "integer"))
    return expressions(list("abc"), list("rs"), ["p"], values)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10**6))
def test_the_normal_form_covers_the_same_individuals(expressions, interpretation, data, seed):
    e = data.draw(small(expressions))
    world = random_interpretation(interpretation, seed)
    assert world.extension(normal_form(e)) == world.extension(e)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_the_normal_form_is_its_own_normal_form(expressions, data):
    once = normal_form(data.draw(small(expressions)))
    assert normal_form(once) == once


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_normal_form_negates_nothing_but_names_and_has_flat_sorted_operands(expressions, data):
    for part in subexpressions(normal_form(data.draw(small(expressions)))):
        if isinstance(part, Not):
            assert isinstance(part.operand, Named | HasValue | DataBound)
        if isinstance(part, And | Or):
            assert not any(isinstance(operand, type(part)) for operand in part.operands)
            assert len(set(part.operands)) == len(part.operands)
            assert [length(o) for o in part.operands] == sorted(length(o) for o in part.operands)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), seed=st.integers(0, 99))
def test_order_nesting_and_repetition_of_operands_do_not_matter(expressions, data, seed):
    parts = data.draw(st.lists(small(expressions), min_size=3, max_size=4))
    shuffled = parts + parts[:1]
    random.Random(seed).shuffle(shuffled)
    for kind in (And, Or):
        flat = kind(tuple(parts))
        nested = kind((kind(tuple(shuffled[:2])), kind(tuple(shuffled[2:]))))
        assert normal_form(flat) == normal_form(nested)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (Not(Not(A)), A),
        (Not(And((A, B))), Or((Not(A), Not(B)))),
        (Not(Some(R, A)), Only(R, Not(A))),
        (Not(Only(R, Not(A))), Some(R, A)),
        (Not(AtLeast(2, R, Not(Not(A)))), AtMost(1, R, A)),
        (Not(AtLeast(0, R, A)), Bottom()),
        (Not(AtMost(2, R, A)), AtLeast(3, R, A)),
        (Not(Top()), Bottom()),
        (And((A, A)), A),
        (Or((And((A, B)), And((B, A)))), And((A, B))),
        (And((Or((A, A)), And((C, B)))), And((A, B, C))),
    ],
)
def test_normal_forms_by_hand(expression, expected):
    assert normal_form(expression) == expected


def test_length_counts_as_owl_learners_do():
    # ∃ r.(a ⊓ ¬b): 2 for ∃, 1 + 1 for the names, 1 for ⊓, 1 for ¬
    assert length(Some(R, And((A, Not(B))))) == 6
    assert length(AtLeast(2, R, A)) == length(AtMost(2, R, A)) == 4
    assert length(DataBound("p", ">=", "1", XSD + "integer")) == 3


def test_names_are_listed_once_in_order_of_occurrence():
    e = Or((Some(S, B), And((A, Only(R, B), HasValue("p", "1", XSD + "integer")))))
    assert named_classes(e) == ["b", "a"]
    assert properties(e) == ["s", "r", "p"]


def test_impossible_expressions_are_refused():
    with pytest.raises(ValueError, match="at least two operands"):
        And((A,))
    with pytest.raises(ValueError, match="facet"):
        DataBound("p", ">", "1", XSD + "integer")
