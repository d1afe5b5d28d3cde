"""Random class expressions and their direct evaluation, shared by the tests of the syntaxes."""

from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from neurontology.ontology.expression import (
    And,
    AtLeast,
    AtMost,
    Bottom,
    ClassExpression,
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

XSD = "http://www.w3.org/2001/XMLSchema#"

HOSTILE = [
    "a b",
    'say "hi"',
    "it's",
    "'quoted'",
    "Crane_(machine)",
    "🚗",
    "👩‍🚒",
    "سيارة",
    "\u200fRTL",
    "and",
    "only",
    "null",
    "Thing",
    "Caf%C3%A9",
    "100%",
    "St._Louis",
    "D.C.",
    "a>b",
    "<a>",
    "back\\slash",
    "new\nline",
    "C++",
    "Star_Trek:_Voyager",
    ":x",
    "5",
    "≥5",
    "x⁻",
    "[y]",
    "{z}",
    "R&B",
    "AC/DC",
    "-",
    ".",
    "'",
    "über_straße",
    "日本語",
    "हिन्दी",
]


@pytest.fixture(scope="session")
def hostile_iris() -> list[str]:
    """IRIs with every kind of name that a syntax could stumble on; many are not valid IRIs."""
    return [f"http://example.org/kb#{name}" for name in HOSTILE]


@pytest.fixture(scope="session")
def expressions() -> Callable[..., st.SearchStrategy[ClassExpression]]:
    """Make a strategy of expressions over given class, role and data property IRIs."""

    def make(
        classes: list[str], roles: list[str], data: list[str] = (), values: st.SearchStrategy | None = None
    ) -> st.SearchStrategy[ClassExpression]:
        role = st.builds(Role, st.sampled_from(roles), st.booleans())
        leaves = st.one_of(st.just(Top()), st.just(Bottom()), st.builds(Named, st.sampled_from(classes)))
        if data:
            literal = (
                values
                if values is not None
                else st.tuples(
                    st.one_of(st.text(max_size=6), st.sampled_from(["5", "-0.5", "true", "05", "1e5", ".5", "1.5f"])),
                    st.sampled_from(
                        [XSD + t for t in ("integer", "decimal", "boolean", "string", "double", "float")]
                        + ["http://example.org/type#x y"]
                    ),
                )
            )
            prop = st.sampled_from(data)
            leaves |= st.builds(lambda p, v: HasValue(p, *v), prop, literal)
            leaves |= st.builds(lambda p, f, v: DataBound(p, f, *v), prop, st.sampled_from([">=", "<="]), literal)
        number = st.integers(0, 3)

        def grow(inner: st.SearchStrategy[ClassExpression]) -> st.SearchStrategy[ClassExpression]:
            operands = st.lists(inner, min_size=2, max_size=3).map(tuple)
            return st.one_of(
                st.builds(Not, inner),
                st.builds(And, operands),
                st.builds(Or, operands),
                st.builds(Some, role, inner),
                st.builds(Only, role, inner),
                st.builds(AtLeast, number, role, inner),
                st.builds(AtMost, number, role, inner),
            )

        return st.recursive(leaves, grow, max_leaves=8)

    return make


class Interpretation:
    """A finite interpretation: individuals, class extensions, role pairs, data values."""

    def __init__(self, domain, classes, roles, data=None):
        self.domain, self.classes, self.roles, self.data = domain, classes, roles, data or {}

    def successors(self, x, role):
        pairs = self.roles.get(role.iri, set())
        return {a for a, b in pairs if b == x} if role.inverse else {b for a, b in pairs if a == x}

    def extension(self, e) -> set:
        match e:
            case Top():
                return set(self.domain)
            case Bottom():
                return set()
            case Named(iri):
                return set(self.classes.get(iri, set()))
            case Not(c):
                return set(self.domain) - self.extension(c)
            case And(cs):
                return set.intersection(*map(self.extension, cs))
            case Or(cs):
                return set.union(*map(self.extension, cs))
            case Some(r, c):
                inner = self.extension(c)
                return {x for x in self.domain if self.successors(x, r) & inner}
            case Only(r, c):
                inner = self.extension(c)
                return {x for x in self.domain if self.successors(x, r) <= inner}
            case AtLeast(n, r, c):
                inner = self.extension(c)
                return {x for x in self.domain if len(self.successors(x, r) & inner) >= n}
            case AtMost(n, r, c):
                inner = self.extension(c)
                return {x for x in self.domain if len(self.successors(x, r) & inner) <= n}
            case HasValue(p, v, _):
                return {x for x, w in self.data.get(p, ()) if w == float(v)}
            case DataBound(p, facet, v, _):
                return {x for x, w in self.data.get(p, ()) if (w >= float(v) if facet == ">=" else w <= float(v))}
        raise AssertionError(e)


@pytest.fixture(scope="session")
def interpretation() -> type[Interpretation]:
    """The class of finite interpretations."""
    return Interpretation
