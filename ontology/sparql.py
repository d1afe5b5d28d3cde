"""SPARQL over a knowledge base: named queries, bound parameters, the W3C result formats."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pyoxigraph import (
    BlankNode,
    Literal,
    NamedNode,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Triple,
    Variable,
)
from pyoxigraph import serialize as serialize_triples

from .dataset import named_dataset, store_with
from .errors import UsageError, near_matches
from .kb import KB
from .names import human_label, local_name
from .sparql_tokens import after_bracket, tokens
from .subclasses import SubclassClosure
from .subtree import expand_subtrees, functions
from .vocabulary import PREFIXES

Term = NamedNode | BlankNode | Literal | Triple
FORMATS = ("table", "json", "csv", "tsv", "turtle")

_UPDATE = re.compile(r"\s*(INSERT|DELETE|LOAD|CLEAR|CREATE|DROP|COPY|MOVE|ADD|WITH)\b", re.IGNORECASE)
_PROLOGUE = re.compile(r"(?:\s|#[^\n]*\n|BASE\s+<[^>]*>|PREFIX\s+[^\s:]*:\s*<[^>]*>)*", re.IGNORECASE)
_POSITION = re.compile(r"error at (\d+):(\d+): (.*)", re.DOTALL)


@dataclass(frozen=True)
class NamedQuery:
    """A query that ships with the package.

    Attributes
    ----------
    name
        Name by which it is run.
    description
        The question it answers: the first comment line of the file.
    parameters
        Variables that the user has to give, each with its meaning, from the lines ``# @param name meaning``.
    text
        The query.
    """

    name: str
    description: str
    parameters: Mapping[str, str]
    text: str


def named_queries() -> dict[str, NamedQuery]:
    """Read the queries that ship with the package, by name."""
    folder = resources.files(__package__).joinpath("queries")
    found = {}
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        text = file.read_text(encoding="utf-8")
        name = file.name.removesuffix(".rq")
        parameters = dict(re.findall(r"^# @param (\w+) (.+)$", text, re.MULTILINE))
        found[name] = NamedQuery(name, text.splitlines()[0].lstrip("# "), parameters, text)
    return found


def read_query(query: str) -> tuple[str, Mapping[str, str]]:
    """Text and parameters of a query given as SPARQL text, as a file, or by name.

    Raises
    ------
    UsageError
        It is none of these.
    """
    shipped = named_queries()
    if query in shipped:
        return shipped[query].text, shipped[query].parameters
    if re.search(r"[\s{]", query):
        return query, {}
    path = Path(query)
    if path.is_file():
        return path.read_text(encoding="utf-8"), {}
    raise UsageError(
        f"{query!r} is neither a file, nor SPARQL text, nor the name of a query",
        expected=f"a file, a query in quotes, or one of {', '.join(shipped)}",
        hint=near_matches(query, shipped),
    )


def run_query(
    kb: KB, query: str, bindings: Mapping[str, str] | None = None
) -> QuerySolutions | QueryTriples | QueryBoolean:
    """Run a read-only query over the merge of all named graphs, or the dataset that it names itself.

    A triple that several graphs state is there once, as SPARQL 1.1 asks for (section 13.1).
    The usual prefixes (``nl:``, ``rdfs:``, ``skos:`` …) need no declaration. Paths of ``rdfs:subClassOf`` to or from
    a given class are answered from the array index (:mod:`.subtree`), and ``nl:under(?c, ?d)`` tells whether ?d is
    ?c or above it.

    Parameters
    ----------
    kb
        The knowledge base.
    query
        SPARQL text, a file, or the name of a shipped query.
    bindings
        Values of variables that the query selects, bound as terms and never pasted into the text: an IRI in
        angle brackets or the name of a class is an IRI, everything else a string.

    Raises
    ------
    UsageError
        The query has a syntax error (line and column are given), is an update, or lacks a parameter.
    """
    text, parameters = read_query(query)
    bindings = bindings or {}
    missing = [name for name in parameters if name not in bindings]
    if missing:
        wanted = "; ".join(f"{name} ({parameters[name]})" for name in missing)
        raise UsageError(f"the query needs a value for {wanted}", where=query, hint=f"add --bind {missing[0]}=VALUE")
    substitutions: dict[Variable, Term] = {Variable(n): as_term(kb, v) for n, v in bindings.items()}
    for name, meaning in parameters.items():
        if meaning.startswith("a class") and isinstance(substitutions[Variable(name)], Literal):
            raise UsageError(
                "the knowledge base has no such class",
                where=bindings[name],
                hint=near_matches(bindings[name].replace(" ", "_"), map(local_name, kb.index.classes)),
            )
    for name in bindings:
        if not re.search(rf"[?$]{re.escape(name)}\b", text):
            raise UsageError(f"the query has no variable ?{name}", where=query)
    if _UPDATE.match(text, _prologue_end(text)):
        raise UsageError(
            "this is an update, and `sparql` only reads",
            expected="SELECT, ASK, CONSTRUCT or DESCRIBE",
            hint="change knowledge with `neurontology kb extend` and `kb retract`",
        )
    fixed = {v.value: term for v, term in substitutions.items() if isinstance(term, NamedNode)}
    expanded = expand_subtrees(text, lambda: SubclassClosure.of(kb), prefixes=PREFIXES, fixed=fixed)
    try:
        try:
            return _evaluate(kb, expanded, substitutions)
        except SyntaxError:
            # Positions in the message are to be those of the text that the user wrote.
            return _evaluate(kb, text, substitutions)
        except RuntimeError:
            # The engine substitutes variables that are selected only.
            given = with_values(expanded, substitutions)
            if given is None:
                raise
            return _evaluate(kb, given, {})
    except RuntimeError as error:
        # Raised for what only shows at evaluation.
        raise UsageError(f"the query cannot be run: {error}") from error
    except SyntaxError as error:
        position = _POSITION.match(str(error))
        line, column, message = position.groups() if position else ("?", "?", str(error))
        raise UsageError(
            f"SPARQL syntax error at line {line}, column {column}: {message}",
            where=None if len(query) > 80 or "\n" in query else query,
        ) from error


def _evaluate(kb: KB, text: str, substitutions: dict[Variable, Term]) -> QuerySolutions | QueryTriples | QueryBoolean:
    known = {p: iri for p, iri in PREFIXES.items() if not re.search(rf"\b{p}:\s*<", text)}
    callable_functions = functions(lambda: SubclassClosure.of(kb))
    dataset = named_dataset(text, PREFIXES)
    if dataset is None:
        return kb.query(text, prefixes=known, substitutions=substitutions, functions=callable_functions)
    store, default, named = store_with(kb, dataset)
    return store.query(
        text,
        prefixes=known,
        default_graph=default,
        named_graphs=named,
        substitutions=substitutions,
        custom_functions=callable_functions,
    )


def with_values(query: str, substitutions: Mapping[Variable, Term]) -> str | None:
    r"""Write values of variables into the pattern of a query; None where that would not be the same.

    Examples
    --------
    >>> with_values("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", {Variable("o"): Literal('a" } b')})
    'SELECT (COUNT(*) AS ?n) { VALUES ?o { "a\\" } b" } ?s ?p ?o }'
    >>> with_values("SELECT * { { SELECT ?s { ?s ?p ?o } } }", {Variable("o"): Literal(1)}) is None
    True
    """
    words, at = tokens(query), 0
    while at < len(words) and not words[at].says("{"):
        has_template = words[at].says("CONSTRUCT") and at + 1 < len(words) and words[at + 1].says("{")
        at = after_bracket(words, at + 1 + has_template) if has_template or words[at].says("(") else at + 1
    # In a sub-query a variable that is not selected is another one.
    if at == len(words) or any(word.says("SELECT") for word in words[at:]):
        return None
    values = "".join(f" VALUES {variable} {{ {term} }}" for variable, term in substitutions.items())
    return query[: words[at].end] + values + query[words[at].end :]


def _prologue_end(text: str) -> int:
    match = _PROLOGUE.match(text)
    return match.end() if match else 0


def as_term(kb: KB, value: str) -> NamedNode | Literal:
    """RDF term of a parameter that a user typed.

    Raises
    ------
    UsageError
        ``<…>`` holds no valid IRI, or several classes have this name.
    """
    if value.startswith("<") and value.endswith(">"):
        try:
            return NamedNode(value[1:-1])
        except ValueError as error:
            raise UsageError(f"is not a valid IRI ({error})", where=value) from error
    found = kb.classes_called(value)
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} classes are called so: {', '.join(found)}",
            where=value,
            hint="write the IRI as <…>",
        )
    return NamedNode(found[0]) if found else Literal(value)


def serialize(results: QuerySolutions | QueryTriples | QueryBoolean, output_format: str) -> str:
    """Write results as ``json``, ``csv``, ``tsv`` (SELECT and ASK) or ``turtle`` (CONSTRUCT and DESCRIBE).

    Raises
    ------
    UsageError
        The format does not fit the form of the query.
    """
    if isinstance(results, QueryTriples):
        if output_format not in ("turtle", "table"):
            raise UsageError(
                f"a CONSTRUCT or DESCRIBE query gives triples, which {output_format} cannot hold",
                hint="use --format turtle",
            )
        written = serialize_triples(results, format=RdfFormat.TURTLE, prefixes=PREFIXES)
        lines = (written or b"").decode().splitlines()
        # The serialiser writes the prefixes in an order that changes from run to run.
        prefixes = sorted(line for line in lines if line.startswith("@prefix "))
        return "\n".join([*prefixes, *(line for line in lines if not line.startswith("@prefix "))])
    chosen = {
        "json": QueryResultsFormat.JSON,
        "csv": QueryResultsFormat.CSV,
        "tsv": QueryResultsFormat.TSV,
    }.get(output_format)
    if chosen is None:
        raise UsageError(
            f"a SELECT or ASK query gives a table, which {output_format} cannot hold",
            hint="use --format table, json, csv or tsv, or a CONSTRUCT query",
        )
    return (results.serialize(format=chosen) or b"").decode()


def rows(results: QuerySolutions) -> tuple[list[str], list[Sequence[Term | None]]]:
    """Variable names and rows of a SELECT result."""
    names = [variable.value for variable in results.variables]
    return names, [[solution[name] for name in names] for solution in results]


def readable(kb: KB, term: Term | None) -> str | int | float | None:
    """Value of a term for people: the label or short name of an entity, a number for a number.

    Examples
    --------
    >>> from pyoxigraph import Store
    >>> readable(KB(Store()), Literal(3)), readable(KB(Store()), NamedNode("http://example.org/Night_table"))
    (3, 'Night table')
    """
    if isinstance(term, NamedNode):
        return kb.label(term.value) or human_label(term.value)
    if isinstance(term, Literal):
        match term.datatype.value.rpartition("#")[2]:
            case "integer":
                return int(term.value)
            case "double":
                return float(term.value)
            case _:
                return term.value
    return None if term is None else str(term)
