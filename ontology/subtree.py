"""Questions about whole subtrees: property paths of ``rdfs:subClassOf`` answered from the array index.

An engine that joins labels with ``?kind rdfs:subClassOf* <X>`` follows the path upwards from every label, or lists all
of the subtree for every join. Here the descendants are taken from the arrays and written into the query:

* few of them stand in its place as ``VALUES``, in a sub-query of their own, because the engine compares each solution
  with each of the values otherwise;
* many become a test, ``FILTER (nl:under(?kind, <X>))``, on the classes that the rest of the group finds; where it
  finds none, they are listed, too, unless they are very many.

A query is changed only where that gives the same solutions (SPARQL 1.1, section 18): a path by itself or at either
end of a sequence, of which one end is an IRI or a variable with given values. Everything else is left as it is: paths
inside ``GRAPH`` and ``SERVICE``, queries with ``FROM``, alternatives, nested paths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from .sparql_tokens import Token, tokens
from .subclasses import SubclassClosure
from .vocabulary import RDF, SUBCLASS, nl

FEW, MANY = 5_000, 50_000
"""Descendants up to which they are listed rather than tested, and up to which they are listed where no test can be."""
UNDER, STRICTLY_UNDER = nl("under"), nl("strictlyUnder")
"""Names of the functions: ``nl:under(?c, ?d)`` says that ?d is ?c or above it; the other, that it is above."""

Term = NamedNode | BlankNode | Literal | Triple
Candidates = Callable[[NamedNode, bool], Sequence[Term] | None]
_Bound = dict[str, tuple[NamedNode, bool] | None]
_TRUE, _FALSE = Literal(True), Literal(False)
_TERMS = ("iri", "name", "variable")
_AFTER_TRIPLES = ("OPTIONAL", "MINUS", "UNION", "GRAPH", "SERVICE", "FILTER", "BIND", "VALUES", "{", "}", ".")


class _UnknownFormError(Exception):
    """The query has a form that is not followed; it is left to the engine as it is."""


@dataclass(frozen=True)
class _Step:
    """One part of a sequence path: positions of its tokens, and what it says if it is a path of sub-class links."""

    start: int
    end: int
    plain: bool
    proper: bool | None = None
    inverse: bool = False


@dataclass(frozen=True)
class _Statement:
    """One verb with one object."""

    verb: tuple[int, int]
    steps: tuple[_Step, ...]
    obj: tuple[int, int]


@dataclass(frozen=True)
class _Triples:
    """A subject with its verbs and objects; `end` excludes the full stop."""

    start: int
    end: int
    subject: tuple[int, int]
    statements: tuple[_Statement, ...]


@dataclass
class _Group:
    """What a group graph pattern says of its own."""

    triples: list[_Triples] = field(default_factory=list)
    values: dict[str, list[NamedNode]] = field(default_factory=dict)


def functions(closure: Callable[[], SubclassClosure]) -> dict[NamedNode, Callable[..., Term | None]]:
    """Give the functions that a query may call, over the closure that is asked for at their first use."""

    def under(*arguments: Term) -> Term | None:
        return None if len(arguments) != 2 else _TRUE if closure().holds(*arguments) else _FALSE

    def strictly_under(*arguments: Term) -> Term | None:
        return None if len(arguments) != 2 else _TRUE if closure().holds(*arguments, proper=True) else _FALSE

    return {UNDER: under, STRICTLY_UNDER: strictly_under}


def without_functions(query: str, *, prefixes: Mapping[str, str]) -> str:
    """Say with property paths what a query says with the functions of :func:`functions`, for engines without them.

    Only calls with IRIs and variables are replaced. With an unbound variable the result is an error, as it is there.

    Examples
    --------
    >>> without_functions("ASK { ?c a ?d FILTER nl:under(?c, <http://a.org/b>) }", prefixes={"nl": UNDER.value[:-5]})
    ... # doctest: +ELLIPSIS
    'ASK { ?c a ?d FILTER (IF(BOUND(?c), EXISTS { ?c <...#subClassOf>* <http://a.org/b> }, 1/0)) }'
    """
    if "nder" not in query:
        return query
    words = tokens(query)
    known = dict(prefixes)
    for at in range(len(words) - 2):
        if words[at].says("PREFIX") and words[at + 1].kind == "name" and words[at + 2].kind == "iri":
            known[words[at + 1].text[:-1]] = words[at + 2].text[1:-1]
    edits = []
    for at in range(len(words) - 5):
        function, opening, first, comma, second, closing = words[at : at + 6]
        prefix, colon, local = function.text.partition(":")
        iri = function.text[1:-1] if function.kind == "iri" else known.get(prefix, "") + local if colon else ""
        modifier = {UNDER.value: "*", STRICTLY_UNDER.value: "+"}.get(iri)
        marks = opening.text + comma.text + closing.text
        if modifier is None or marks != "(,)" or {first.kind, second.kind} - {*_TERMS}:
            continue
        bound = " && ".join(f"BOUND({term.text})" for term in (first, second) if term.kind == "variable") or "true"
        path = f"EXISTS {{ {first.text} {SUBCLASS}{modifier} {second.text} }}"
        edits.append((function.start, closing.end, f"(IF({bound}, {path}, 1/0))"))
    for start, end, replacement in reversed(edits):
        query = query[:start] + replacement + query[end:]
    return query


def expand_subtrees(
    query: str,
    closure: Callable[[], SubclassClosure],
    *,
    prefixes: Mapping[str, str],
    fixed: Mapping[str, NamedNode] | None = None,
    limits: tuple[int, int] = (FEW, MANY),
    candidates: Candidates | None = None,
) -> str:
    """Rewrite the sub-class paths of a query; the text comes back unchanged where there is none to rewrite.

    Parameters
    ----------
    query
        SPARQL text, to be run over the union of all graphs with the functions of :func:`functions`.
    closure
        Gives the sub-class links; called only if there is such a path.
    prefixes
        Prefixes that need no declaration.
    fixed
        Variables of the whole query that are substituted by these IRIs.
    limits
        Descendants that are listed rather than tested, and that are listed where no test can be.
    candidates
        For engines without the functions of :func:`functions`: gives the objects of a property, or its subjects. Those
        under the class are listed where a variable would be tested; None is an answer where they are too many.
    """
    if "subClassOf" not in query:
        return query
    words = tokens(query)
    try:
        return _Rewriter(query, words, closure, dict(prefixes), dict(fixed or {}), limits, candidates).run()
    except (_UnknownFormError, IndexError, RecursionError):
        # An IndexError is the end of a query that is cut short: the engine says where, and what is nested too deeply.
        return query


class _Rewriter:
    def __init__(
        self,
        query: str,
        words: Sequence[Token],
        closure: Callable[[], SubclassClosure],
        prefixes: dict[str, str],
        fixed: dict[str, NamedNode],
        limits: tuple[int, int],
        candidates: Candidates | None,
    ) -> None:
        self.query, self.words, self.closure, self.prefixes = query, words, closure, prefixes
        self.fixed, self.limits, self.candidates = fixed, limits, candidates
        self.edits: list[tuple[int, int, str]] = []
        self.used = {w.text[1:] for w in words if w.kind == "variable"}
        # A helper variable would turn up in the answer of `SELECT *`.
        self.helpers = not any(
            w.says("*") and words[i - 1].says("SELECT", "DISTINCT", "REDUCED", "DESCRIBE") for i, w in enumerate(words)
        )

    def run(self) -> str:
        at = self._prologue()
        form = self.words[at]
        if form.says("CONSTRUCT"):
            if not self.words[at + 1].says("{"):
                raise _UnknownFormError
            at = self._skip(at + 1)
        elif not form.says("SELECT", "ASK", "DESCRIBE"):
            raise _UnknownFormError
        at = self._before_group(at)
        self._group(at, top=True)
        text = self.query
        for start, end, replacement in sorted(self.edits, reverse=True):
            text = text[:start] + replacement + text[end:]
        return text

    # -- the frame of a query ---------------------------------------------------------------------------

    def _prologue(self) -> int:
        at = 0
        while self.words[at].says("PREFIX"):
            name, iri = self.words[at + 1], self.words[at + 2]
            if name.kind != "name" or iri.kind != "iri":
                raise _UnknownFormError
            self.prefixes[name.text[:-1]] = iri.text[1:-1]
            at += 3
        if self.words[at].says("BASE"):
            raise _UnknownFormError
        return at

    def _before_group(self, at: int) -> int:
        """Position of the brace that opens the pattern of a query form that starts at a position."""
        while not self.words[at].says("{"):
            if self.words[at].says("FROM", "}", "<<", "{|"):
                raise _UnknownFormError
            at = self._skip(at) if self.words[at].says("(") else at + 1
        return at

    def _skip(self, at: int) -> int:
        """Position after a word, or after the bracket that closes the one that stands here."""
        closing = {"(": ")", "[": "]", "{": "}"}
        expected = closing.get(self.words[at].text) if self.words[at].kind == "mark" else None
        if expected is None:
            return at + 1
        at += 1
        while self.words[at].text != expected or self.words[at].kind != "mark":
            if self.words[at].says(")", "]", "}", "<<", "{|"):
                raise _UnknownFormError
            at = self._skip(at)
        return at + 1

    # -- patterns ---------------------------------------------------------------------------------------

    def _group(self, at: int, *, top: bool) -> int:
        """Read a group from its opening brace on; the position after its closing brace.

        `top` says that variables of the whole query are known here: not inside of a sub-query.
        """
        if self.words[at + 1].says("SELECT"):
            end = self._group(self._before_group(at + 1), top=False)
            while not self.words[end].says("}"):
                end = self._skip(end)
            return end + 1
        group = _Group()
        at += 1
        while not self.words[at].says("}"):
            at = self._element(at, group, top=top)
        for triples in group.triples:
            self._rewrite(triples, group, top)
        return at + 1

    def _element(self, at: int, group: _Group, *, top: bool) -> int:
        word = self.words[at]
        if word.says("."):
            return at + 1
        if word.says("{"):
            return self._group(at, top=top)
        if word.says("OPTIONAL", "MINUS", "UNION"):
            if not self.words[at + 1].says("{"):
                raise _UnknownFormError
            return self._group(at + 1, top=top)
        if word.says("GRAPH", "SERVICE"):
            while not self.words[at].says("{"):
                at += 1
            return self._skip(at)
        if word.says("FILTER", "BIND"):
            return self._constraint(at + 1, group, top=top, bind=word.says("BIND"))
        if word.says("VALUES"):
            return self._values(at + 1, group)
        triples = self._triples(at)
        group.triples.append(triples)
        return triples.end

    def _constraint(self, at: int, group: _Group, *, top: bool, bind: bool) -> int:
        if bind and self.words[at + 2].says("AS") and self.words[at + 4].says(")"):
            iri = self._iri(self.words[at + 1])
            if iri is not None:
                group.values[self.words[at + 3].text[1:]] = [iri]
        while self.words[at].says("NOT", "EXISTS") or self.words[at].kind in ("iri", "name", "word"):
            at += 1
        if self.words[at].says("{"):
            return self._group(at, top=top)
        if not self.words[at].says("("):
            raise _UnknownFormError
        end = self._skip(at)
        while at < end:
            at = self._group(at, top=top) if self.words[at].says("{") else at + 1
        return end

    def _values(self, at: int, group: _Group) -> int:
        variable = self.words[at] if self.words[at].kind == "variable" else None
        while not self.words[at].says("{"):
            at += 1
        end = self._skip(at)
        iris = [self._iri(word) for word in self.words[at + 1 : end - 1]]
        if variable is not None and all(iris):
            group.values[variable.text[1:]] = [iri for iri in iris if iri is not None]
        return end

    def _triples(self, at: int) -> _Triples:
        start = at
        at = self._node(at)
        subject = (start, at)
        statements: list[_Statement] = []
        while not self._ends_triples(at):
            if self.words[at].says(";"):
                at += 1
                continue
            verb = at
            at, steps = self._path(at)
            verb_end = at
            while True:
                obj = at
                at = self._node(at)
                statements.append(_Statement((verb, verb_end), steps, (obj, at)))
                if not self.words[at].says(","):
                    break
                at += 1
            if not (self.words[at].says(";") or self._ends_triples(at)):
                raise _UnknownFormError
        return _Triples(start, at, subject, tuple(statements))

    def _ends_triples(self, at: int) -> bool:
        return self.words[at].says(*_AFTER_TRIPLES)

    def _node(self, at: int) -> int:
        """Position after a subject or object."""
        word = self.words[at]
        if word.kind in _TERMS:
            return at + 1
        if word.says("[", "("):
            return self._skip(at)
        if word.says("+", "-") and self.words[at + 1].kind == "number":
            return at + 2
        if word.kind == "string":
            following = self.words[at + 1]
            return at + 2 if following.kind == "language" else at + 3 if following.says("^^") else at + 1
        if word.kind == "number" or word.says("TRUE", "FALSE"):
            return at + 1
        # A label of a blank node, too: it must not be used on both sides of a pattern that is put in between.
        raise _UnknownFormError

    def _path(self, at: int) -> tuple[int, tuple[_Step, ...]]:
        """Read a verb: the position after it, and its steps; none where it has alternatives."""
        if self.words[at].kind == "variable":
            return at + 1, (_Step(at, at + 1, plain=True),)
        steps, sequence = [], True
        while True:
            step = self._step(at)
            steps.append(step)
            at = step.end
            if not self.words[at].says("/", "|"):
                return at, tuple(steps) if sequence else ()
            sequence = sequence and self.words[at].says("/")
            at += 1

    def _step(self, at: int) -> _Step:
        start = at
        inverse = self.words[at].says("^")
        at += inverse
        negated = self.words[at].says("!")
        at += negated
        inner = at
        if negated and self.words[at].says("^"):
            at += 1
        if not (self.words[at].kind in ("iri", "name") or self.words[at].says("A", "(")):
            raise _UnknownFormError
        at = self._skip(at)
        core = self.words[inner:at]
        modifier = self.words[at] if self.words[at].says("*", "+", "?") else None
        at += modifier is not None
        if len(core) > 1:  # in brackets: (p), (^p), (p*)
            core = core[1:-1]
            if core and core[0].says("^"):
                inverse, core = not inverse, core[1:]
            if modifier is None and len(core) == 2 and core[1].says("*", "+"):
                modifier, core = core[1], core[:1]
        simple = not negated and len(core) == 1
        if simple and self._iri(core[0]) == SUBCLASS and modifier is not None and modifier.says("*", "+"):
            return _Step(start, at, plain=False, proper=modifier.says("+"), inverse=inverse)
        return _Step(start, at, plain=simple and modifier is None)

    # -- rewriting --------------------------------------------------------------------------------------

    def _iri(self, word: Token) -> NamedNode | None:
        if word.kind == "iri":
            text = word.text[1:-1]
        elif word.kind == "name":
            prefix, _, local = word.text.partition(":")
            if prefix not in self.prefixes or "\\" in local:
                return None
            text = self.prefixes[prefix] + local
        elif word.says("A"):
            text = RDF + "type"
        else:
            return None
        try:
            return NamedNode(text)
        except ValueError:
            return None

    def _text(self, span: tuple[int, int]) -> str:
        return self.query[self.words[span[0]].start : self.words[span[1] - 1].end]

    def _rewrite(self, triples: _Triples, group: _Group, top: bool) -> None:
        written, changed = [], False
        for number, statement in enumerate(triples.statements):
            others = self._bound(group, triples, number)
            found = self._replacement(triples.subject, statement, group.values, others, top)
            changed = changed or found is not None
            subject, verb, obj = map(self._text, (triples.subject, statement.verb, statement.obj))
            written.append(found or f"{subject} {verb} {obj}")
        single = triples.subject[1] - triples.subject[0] == 1
        if changed and single:
            start, end = self.words[triples.start].start, self.words[triples.end - 1].end
            self.edits.append((start, end, " . ".join(written) + " "))

    def _bound(self, group: _Group, own: _Triples, number: int) -> _Bound:
        """Variables that other statements of the group give a value in every solution, and of which property."""
        found: _Bound = dict.fromkeys(group.values)
        for triples in group.triples:
            for i, statement in enumerate(triples.statements):
                if triples is own and i == number:
                    continue
                steps = statement.steps
                ends = ((0, triples.subject, False), (-1, statement.obj, True))
                for place, span, is_object in ends:
                    if steps and steps[place].plain:
                        end = self._end(steps[place], is_object=is_object)
                        found |= {n: end or found.get(n) for n in self._variables(span)}
        return found

    def _end(self, step: _Step, *, is_object: bool) -> tuple[NamedNode, bool] | None:
        """Property of a step that is nothing but a property, and whether its objects are meant."""
        iri = self._iri(self.words[step.start]) if step.end - step.start == 1 else None
        return None if iri is None else (iri, is_object)

    def _candidates(self, end: tuple[NamedNode, bool] | None) -> Sequence[Term] | None:
        return None if end is None or self.candidates is None else self.candidates(*end)

    def _variables(self, span: tuple[int, int]) -> set[str]:
        word = self.words[span[0]]
        return {word.text[1:]} if span[1] - span[0] == 1 and word.kind == "variable" else set()

    def _replacement(
        self,
        subject: tuple[int, int],
        statement: _Statement,
        values: Mapping[str, list[NamedNode]],
        bound: _Bound,
        top: bool,
    ) -> str | None:
        """Patterns in the place of a statement, or None to leave it as it is."""
        for last in (True, False):
            steps = statement.steps
            if not steps or (step := steps[-1 if last else 0]).proper is None:
                continue
            near, far = (statement.obj, subject) if last else (subject, statement.obj)
            ends = self._constants(near, values, top)
            if ends is None:
                continue
            # The path leads from the far end to the near one if it is the last step.
            downwards = last != step.inverse
            if len(steps) == 1:
                names = self._variables(far)
                if len(names) != 1 or names == self._variables(near):
                    return None
                return self._listed(names.pop(), ends, step, downwards, near, bound)
            if not self.helpers or far[1] - far[0] != 1:
                return None
            name = self._helper()
            rest = (steps[0].start, steps[-2].end) if last else (steps[1].start, steps[-1].end)
            kept = self._text(rest)
            edge = steps[-2] if last else steps[1]
            given = {**bound, name: self._end(edge, is_object=last)} if edge.plain else bound
            condition = self._listed(name, ends, step, downwards, near, given)
            if condition is None:
                return None
            other = self._text(far)
            joined = f"{other} {kept} ?{name}" if last else f"?{name} {kept} {other}"
            return f"{joined} . {condition}"
        return None

    def _constants(
        self, span: tuple[int, int], values: Mapping[str, list[NamedNode]], top: bool
    ) -> list[NamedNode] | None:
        word = self.words[span[0]]
        if span[1] - span[0] != 1:
            return None
        if word.kind == "variable":
            name = word.text[1:]
            return values.get(name) or ([self.fixed[name]] if top and name in self.fixed else None)
        iri = self._iri(word)
        return None if iri is None else [iri]

    def _helper(self) -> str:
        number = len(self.used)
        while f"kind{number}" in self.used:
            number += 1
        self.used.add(f"kind{number}")
        return f"kind{number}"

    def _listed(
        self,
        name: str,
        ends: Sequence[NamedNode],
        step: _Step,
        downwards: bool,
        near: tuple[int, int],
        bound: _Bound,
    ) -> str | None:
        """Patterns that restrict a variable to what the sub-class path connects with one of the ends."""
        proper = bool(step.proper)
        closure = self.closure()
        end_name = next(iter(self._variables(near)), None)
        distinct = list(dict.fromkeys(ends))
        known: Sequence[Term] | None = None
        if not all(map(closure.knows, distinct)):
            # Whether a path of no links at all leads to a term that the store does not have is left to the engine.
            return None
        if downwards:
            count = sum(closure.count_below(end, proper=proper) for end in distinct)
            if count > self.limits[0] and name in bound and self.candidates is None:
                return self._tested(name, distinct, end_name, proper)
            known = self._candidates(bound.get(name)) if count > self.limits[0] else None
            if count > self.limits[1] and known is None:
                return None
        pairs = []
        for end in distinct:
            if known is not None:
                found = [term for term in known if closure.holds(term, end, proper=proper)]
            else:
                found = (closure.below if downwards else closure.above)(end, proper=proper)
            if any(not isinstance(term, NamedNode) for term in found):
                # Blank nodes cannot be listed.
                testable = downwards and name in bound and self.candidates is None
                return self._tested(name, distinct, end_name, proper) if testable else None
            pairs += [(term, end) for term in found]
        if end_name is None:
            values = f"VALUES ?{name} {{ {' '.join(str(term) for term, _ in pairs)} }}"
            return f"{{ SELECT ?{name} {{ {values} }} }}"
        rows = " ".join(f"({term} {end})" for term, end in pairs)
        return f"{{ SELECT ?{name} ?{end_name} {{ VALUES (?{name} ?{end_name}) {{ {rows} }} }} }}"

    @staticmethod
    def _tested(name: str, ends: Sequence[NamedNode], end_name: str | None, proper: bool) -> str:
        function = STRICTLY_UNDER if proper else UNDER
        # With the IRI itself the engine can test early: the variable would first have to be joined.
        end = f"?{end_name}" if len(ends) > 1 else str(ends[0])
        test = f"FILTER ({function}(?{name}, {end}))"
        return test if end_name is None else f"VALUES ?{end_name} {{ {' '.join(map(str, ends))} }} {test}"
