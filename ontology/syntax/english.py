"""Class expressions in English.

``∃ imageContains.Road ⊓ ¬∃ imageContains.Car`` is "an image that contains a road and no car". The text is
deterministic and made from labels, never from IRIs. What it does, beyond words for operators:

- Negation is moved inwards first, so that there is no double negative; a restriction to complements becomes
  "no": ∀ R.¬C is "contains no C".
- A conjunction takes its one noun as head ("a train that has a long car"); several nouns are "both … and …".
- Restrictions with one verb are gathered ("contains a road, a tree and no car"), positive ones first; a part
  with a relative clause of its own comes last, so that the clause cannot swallow what follows.
- Titles are lower-cased at the start unless they look proper; plural-looking titles and mass nouns have no
  article (:mod:`neurontology.ontology.syntax.wording`).

"only" holds, like ∀, also where there is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..expression import (
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
from ..names import human_label
from .scanner import XSD
from .wording import THING, Noun, RolePhrase, noun, role_phrase, role_subject, split_words

Label = Callable[[str], str]

PICTURES = frozenset(("image", "photo", "photograph", "picture", "scene"))
"""Subjects that show their classes rather than being instances of them in the sense of the word."""

_SHOWS = Role("urn:neurontology:imageShows")


def render(expression: ClassExpression, label: Label = human_label, subject: str | None = None) -> str:
    """Say an expression in English.

    Parameters
    ----------
    expression
        What to say.
    label
        Words for a class or property.
    subject
        Noun for what the expression is about where it names none itself, e.g. "image"; without it, a role
        such as ``imageContains`` at the top gives the noun, and else it is "something". A class of an image is
        what it shows.

    Examples
    --------
    >>> contains = Role("http://a.org/#imageContains")
    >>> road, car = Named("http://a.org/#Road"), Named("http://a.org/#Car")
    >>> render(And((Some(contains, road), Not(Some(contains, car)))))
    'an image that contains a road and no car'
    >>> render(Some(Role("http://a.org/#hasChild"), Named("http://a.org/#male")))
    'something that has a child that is male'
    """
    inward = _negation_inward(expression)
    about = subject or _subject(inward, label)
    head = Noun(about, "count") if about else THING
    if about in PICTURES:
        # A picture is no coast: it shows one.
        inward = _shown(inward)
    if isinstance(inward, Top):
        return f"any {about}" if about else "anything"
    if isinstance(inward, Bottom):
        return f"no {about}" if about else "nothing"
    return (
        _Writer(lambda iri: "imageShows" if iri == _SHOWS.iri else label(iri)).noun_phrase(inward, _Amount(), head).text
    )


def _shown(expression: ClassExpression) -> ClassExpression:
    """Let a picture show its classes, outside of restrictions."""
    match expression:
        case Named():
            return Some(_SHOWS, expression)
        case Not(Named()):
            return Only(_SHOWS, expression)
        case And(operands):
            return And(tuple(map(_shown, operands)))
        case Or(operands):
            return Or(tuple(map(_shown, operands)))
        case _:
            return expression


def _negation_inward(expression: ClassExpression, negate: bool = False) -> ClassExpression:
    """Negation normal form that keeps the order of the operands."""
    match expression:
        case Not(operand):
            return _negation_inward(operand, not negate)
        case And(operands) | Or(operands):
            kind = And if isinstance(expression, And) != negate else Or
            flat: list[ClassExpression] = []
            for operand in operands:
                part = _negation_inward(operand, negate)
                flat.extend(part.operands if isinstance(part, kind) else (part,))
            unique = tuple(dict.fromkeys(flat))
            return unique[0] if len(unique) == 1 else kind(unique)
        case Some(role, filler) | Only(role, filler):
            restriction = Some if isinstance(expression, Some) != negate else Only
            return restriction(role, _negation_inward(filler, negate))
        case AtLeast(number, role, filler) | AtMost(number, role, filler):
            at_least = isinstance(expression, AtLeast)
            bound = number - at_least + (not at_least) if negate else number
            at_least = at_least != negate
            inner = _negation_inward(filler)
            if at_least and bound <= 1:
                return Some(role, inner) if bound == 1 else Top()
            if bound <= 0:
                return Only(role, _negation_inward(inner, True)) if bound == 0 else Bottom()
            return AtLeast(bound, role, inner) if at_least else AtMost(bound, role, inner)
        case Top() | Bottom():
            return expression if not negate else Bottom() if isinstance(expression, Top) else Top()
        case Named() | HasValue() | DataBound():
            return Not(expression) if negate else expression


def _subject(expression: ClassExpression, label: Label) -> str | None:
    parts = expression.operands if isinstance(expression, And | Or) else (expression,)
    for part in parts:
        match part:
            case And() | Or():
                found = _subject(part, label)
            case Some(role, _) | Only(role, _) | AtLeast(_, role, _) | AtMost(_, role, _) if not role.inverse:
                found = role_subject(label(role.iri))
            case _:
                found = None
        if found:
            return found
    return None


def _is_negative(expression: ClassExpression) -> bool:
    """Whether the complement is the simpler thing to say."""
    match expression:
        case Not() | Bottom():
            return True
        case And(operands) | Or(operands):
            return all(map(_is_negative, operands))
        case Only(_, filler):
            return _is_negative(filler)
        case _:
            return False


@dataclass(frozen=True, slots=True)
class _Amount:
    """How much of a noun: "a", "no", "only", or a number with what precedes it."""

    word: str = "a"
    number: int = 0

    @property
    def counts(self) -> bool:
        return self.number > 0

    def many(self, head: Noun) -> bool:
        """Whether the noun phrase is in the plural."""
        if self.counts:
            return self.number > 1
        return head.kind == "plural" or (self.word == "only" and head.kind in ("count", "thing"))

    def of(self, head: Noun) -> str:
        match self.word, head.kind:
            case "a", _:
                return head.some()
            case "no", "thing":
                return "nothing"
            case "no", _:
                return f"no {head.text}"
            case "only", "thing":
                return "only things"
            case "only", _:
                return f"only {head.many()}"
        singular, several = ("thing", "things") if head.kind == "thing" else (head.text, head.many())
        return f"{self.word} {self.number} {several if self.number > 1 else singular}"


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A noun phrase; `choice` if it is alternatives without "either", `many` if it is in the plural."""

    text: str
    choice: bool = False
    many: bool = False
    negative: bool = False

    @property
    def complex(self) -> bool:
        return " that " in self.text


@dataclass(frozen=True, slots=True)
class _Piece:
    """A predicate: verb and object, or (`verb` empty) a clause as it is."""

    verb: str
    phrase: _Phrase
    adjective: bool = False
    relative: bool = False

    @property
    def clause(self) -> str:
        return f"{self.verb} {self.phrase.text}".strip()


class _Writer:
    def __init__(self, label: Label) -> None:
        self._label = label

    # ---- noun phrases --------------------------------------------------------------------------------

    def noun_phrase(self, expression: ClassExpression, amount: _Amount, head: Noun, depth: int = 0) -> _Phrase:
        """Things that are `expression`; `head` is the noun to use where the expression offers none."""
        if isinstance(expression, Or):
            alternatives = self._alternatives(expression, amount, head, depth)
            if alternatives is not None:
                return alternatives
        operands = self._distinct(expression.operands if isinstance(expression, And) else (expression,))
        at = self._head(operands, head)
        if at is not None:
            candidate = self._noun(operands[at])
            plain = candidate.kind == "count" or (candidate.kind == "plural" and amount.number != 1)
            if not amount.counts or plain:
                head = candidate
                del operands[at]
        text = amount.of(head)
        many = amount.many(head)
        if operands:
            rest = operands[0] if len(operands) == 1 else And(tuple(operands))
            text += f" that {self.predicate(rest, many, depth)}"
        return _Phrase(text, many=many, negative=amount.word == "no")

    def _distinct(self, operands: tuple[ClassExpression, ...]) -> list[ClassExpression]:
        """Operands but ⊤; of classes with the same words (``Building``, ``WN_Building``) the first."""
        said: dict[object, ClassExpression] = {}
        for operand in operands:
            if not isinstance(operand, Top):
                said.setdefault(self._noun(operand) if isinstance(operand, Named) else operand, operand)
        return list(said.values())

    def _noun(self, expression: ClassExpression) -> Noun:
        return noun(self._label(expression.iri)) if isinstance(expression, Named) else THING

    def _fits(self, candidate: Noun, head: Noun) -> bool:
        """Whether a class says what the head says, and more: "long car" for "car"."""
        return candidate.text == head.text or candidate.text.endswith(f" {head.text}")

    def _head(self, operands: list[ClassExpression], head: Noun) -> int | None:
        nouns = [at for at, operand in enumerate(operands) if self._noun(operand).kind not in ("adjective", "thing")]
        if head.kind != "thing" and head.text not in PICTURES:
            return next((at for at in nouns if self._fits(self._noun(operands[at]), head)), None)
        if nouns and (len(nouns) == 1 or len(nouns) < len(operands)):
            return nouns[0]
        kinds = {self._noun(operands[at]).kind for at in nouns}
        if len(kinds) > 1:
            first = next(kind for kind in ("count", "mass", "plural") if kind in kinds)
            return next(at for at in nouns if self._noun(operands[at]).kind == first)
        if kinds == {"plural"} and head.kind == "thing":
            return nouns[0]
        return None

    def _alternatives(self, union: Or, amount: _Amount, head: Noun, depth: int) -> _Phrase | None:
        """Say "a road or a car", if every alternative is a noun, perhaps with a clause of its own."""
        single = _Amount() if amount.word == "no" else amount
        parts: list[_Phrase] = []
        for operand in union.operands:
            inner = operand.operands if isinstance(operand, And) else (operand,)
            at = self._head(list(inner), head)
            if at is None or (amount.word != "a" and len(inner) > 1):
                return None
            kind = self._noun(inner[at]).kind
            if amount.counts and (kind not in ("count", "plural") or amount.number == 1):
                return None
            parts.append(self.noun_phrase(operand, single, head, depth))
        texts = list(dict.fromkeys(part.text for part in parts))
        if len(texts) == 1:
            return self.noun_phrase(union.operands[0], amount, head, depth)
        if amount.word == "no":
            return _Phrase(f"neither {_joined(texts, 'nor')}", negative=True)
        if amount.word != "a":
            prefix = amount.word + (f" {amount.number}" if amount.counts else "")
            texts = [texts[0], *(text.removeprefix(prefix + " ") for text in texts[1:])]
        is_complex = any(part.complex for part in parts)
        text = _joined(texts, "or")
        return _Phrase(f"either {text}" if is_complex else text, choice=not is_complex, many=parts[-1].many)

    # ---- predicates ----------------------------------------------------------------------------------

    def predicate(self, expression: ClassExpression, many: bool, depth: int) -> str:
        """What follows "that": "contains a road and no car".

        A comma before "and" or "or" belongs to the whole expression (`depth` 0). Further in, "both" or
        "either" opens what "and" or "or" joins, so that no reader has to guess how far it reaches.
        """
        if isinstance(expression, Or):
            return self._choice(expression, many, depth)
        operands = self._distinct(expression.operands if isinstance(expression, And) else (expression,))
        clauses = self._gathered(self._pieces(operands, many, depth))
        unions = [operand for operand in operands if isinstance(operand, Or)]
        alone = len(clauses) + len(unions) == 1
        clauses += [
            _Piece("", _Phrase(self._choice(union, many, depth if alone else depth + 1, either=not alone)))
            for union in unions
        ]
        texts = [
            ("that " if at and (clause.relative or clauses[at - 1].relative) else "") + clause.clause
            for at, clause in enumerate(clauses)
        ]
        if len(texts) == 1:
            return texts[0]
        if not any(_has_joint(text) for text in texts):
            return _joined(texts, "and")
        if depth == 0:
            return ", ".join(texts[:-1]) + f", and {texts[-1]}"
        return f"{'both' if len(texts) == 2 else 'at once'} {_joined(texts, 'and')}"

    def _choice(self, union: Or, many: bool, depth: int, either: bool = False) -> str:
        """Say "is a road or a car", "either contains a road and a tree or contains a car"."""
        simple = [operand for operand in union.operands if not isinstance(operand, And)]
        pieces = sorted(self._pieces(simple, many, depth), key=_is_denial)
        groups: dict[str, list[_Piece]] = {}
        for piece in pieces:
            if piece.relative:
                piece = _Piece("are" if many else "is", _Phrase(f"something that {piece.clause}"))
            groups.setdefault(piece.verb, []).append(piece)
        parts: list[str] = []
        single = len(groups) == 1 and len(simple) == len(union.operands)
        for verb, group in groups.items():
            texts = list(dict.fromkeys(piece.phrase.text for piece in group))
            if verb in ("is not", "are not") and len(texts) > 1:
                text = f"both {texts[0]} and {texts[1]}" if len(texts) == 2 else f"all of {_joined(texts, 'and')}"
            else:
                text = _joined(texts, "or")
                choose = (either and single) or any(piece.phrase.complex for piece in group)
                text = f"either {text}" if choose and len(texts) > 1 else text
            parts.append(f"{verb} {text}".strip())
        parts += [self.predicate(operand, many, depth + 1) for operand in union.operands if isinstance(operand, And)]
        if len(parts) == 1:
            return parts[0]
        if either or any(_has_joint(part) for part in parts):
            comma = depth == 0 and any(_has_joint(part) for part in parts)
            return "either " + (", or ".join(parts) if comma else _joined(parts, "or"))
        return _joined(parts, "or")

    def _gathered(self, pieces: list[_Piece]) -> list[_Piece]:
        """Put pieces with one verb together; those with a clause of their own stand last."""
        groups: dict[str, list[_Piece]] = {}
        plain: list[_Piece] = []
        late: list[_Piece] = []
        for piece in pieces:
            if piece.verb:
                groups.setdefault(piece.verb, []).append(piece)
            else:
                late.append(piece)
        for verb, group in groups.items():
            group.sort(key=lambda piece: (piece.phrase.complex, piece.phrase.negative, not piece.adjective))
            nested = [piece for piece in group if piece.phrase.complex]
            together = [*(piece for piece in group if not piece.phrase.complex), *nested[:1]]
            # a second relative clause under the same verb could be read as part of the first
            target = plain if not together[-1].phrase.complex else late
            target.append(_Piece("", _Phrase(_conjunction(verb, together))))
            late.extend(_Piece(verb, piece.phrase) for piece in nested[1:])
        late.sort(key=lambda piece: piece.relative)
        return plain + late

    def _pieces(self, operands: Sequence[ClassExpression], many: bool, depth: int) -> list[_Piece]:
        """Predicates of the operands that are not unions; two bounds with one number become "exactly"."""
        exact = {
            (upper.number, upper.role, upper.filler)
            for upper in operands
            if isinstance(upper, AtMost) and AtLeast(upper.number, upper.role, upper.filler) in operands
        }
        exact |= {
            (1, upper.role, upper.filler)
            for upper in operands
            if isinstance(upper, AtMost) and upper.number == 1 and Some(upper.role, upper.filler) in operands
        }
        pieces: list[_Piece] = []
        for operand in operands:
            match operand:
                case Some(role, filler) if (1, role, filler) in exact:
                    pieces.append(self._restriction(role, filler, _Amount("exactly", 1), many, depth))
                case AtLeast(number, role, filler) if (number, role, filler) in exact:
                    pieces.append(self._restriction(role, filler, _Amount("exactly", number), many, depth))
                case AtMost(number, role, filler) if (number, role, filler) in exact:
                    continue
                case Or() | And():
                    continue
                case _:
                    pieces.append(self._piece(operand, many, depth))
        return pieces

    def _piece(self, expression: ClassExpression, many: bool, depth: int) -> _Piece:
        be = "are" if many else "is"
        match expression:
            case Named():
                return self._copula(self._noun(expression), be, many)
            case Not(Named() as operand):
                return self._copula(self._noun(operand), f"{be} not", many)
            case Some(role, filler):
                return self._restriction(role, filler, _Amount(), many, depth)
            case Only(role, filler) if _is_negative(filler):
                return self._restriction(role, _negation_inward(filler, True), _Amount("no"), many, depth)
            case Only(role, Top()):
                return _Piece(be, _Phrase("anything"))
            case Only(role, filler):
                return self._restriction(role, filler, _Amount("only"), many, depth)
            case AtLeast(number, role, filler):
                return self._restriction(role, filler, _Amount("at least", number), many, depth)
            case AtMost(number, role, filler):
                return self._restriction(role, filler, _Amount("at most", number), many, depth)
            case HasValue() | DataBound():
                return self._data(expression, many, denied=False)
            case Not(HasValue() | DataBound() as operand):
                return self._data(operand, many, denied=True)
            case Bottom():
                return _Piece(be, _Phrase("impossible"), adjective=True)
        return _Piece(be, _Phrase("anything"))

    def _copula(self, word: Noun, be: str, many: bool) -> _Piece:
        if word.kind == "adjective":
            return _Piece(be, _Phrase(word.text), adjective=True)
        if word.kind == "plural" and not many:
            return _Piece(f"{be} among", _Phrase(word.text))
        return _Piece(be, _Phrase(word.many() if many else word.some()))

    def _restriction(self, role: Role, filler: ClassExpression, amount: _Amount, many: bool, depth: int) -> _Piece:
        phrase = role_phrase(self._label(role.iri), role.inverse)
        what = self.noun_phrase(filler, amount, phrase.noun or THING, depth + 1)
        if phrase.inverted:
            plural_subject = what.many or amount.number > 1
            verb = phrase.plural if plural_subject else phrase.singular
            return _Piece("", _Phrase(f"{what.text} {verb}"), relative=True)
        return _Piece(_agreeing(phrase, many), what)

    def _data(self, expression: HasValue | DataBound, many: bool, denied: bool) -> _Piece:
        words = split_words(self._label(expression.property))
        be, have = ("are", "have") if many else ("is", "has")
        lead = words[0].lower() if len(words) > 1 else ""
        name = noun(" ".join(words[1:] if lead in ("has", "is", "have") else words))
        if isinstance(expression, HasValue) and expression.datatype == XSD + "boolean":
            holds = expression.value in ("true", "1")
            if holds or not denied:
                if lead == "has":
                    text = name.some() if holds and not denied else f"no {name.text}"
                    return _Piece(have, _Phrase(text, negative=denied or not holds))
                return _Piece(be if holds and not denied else f"{be} not", _Phrase(name.text), adjective=True)
        value = expression.value
        if expression.datatype == XSD + "string":
            value = f'"{value}"'
        elif isinstance(expression, DataBound):
            value = f"{'at least' if expression.facet == '>=' else 'at most'} {value}"
        start = f"no {name.text}" if denied else Noun(name.text, "count").some() if name.kind != "plural" else name.text
        return _Piece(have, _Phrase(f"{start} of {value}", negative=denied))


def _agreeing(phrase: RolePhrase, many: bool) -> str:
    return phrase.plural if many else phrase.singular


def _is_denial(piece: _Piece) -> bool:
    return piece.phrase.negative or piece.verb in ("is not", "are not", "is not among")


def _has_joint(text: str) -> bool:
    return any(joint in text for joint in (" and ", " or ", " nor ", " that "))


def _joined(parts: list[str], word: str) -> str:
    """Join as a list without a comma before the last."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def _conjunction(verb: str, pieces: list[_Piece]) -> str:
    """Say one verb with its objects."""
    phrases = list(dict.fromkeys(piece.phrase for piece in pieces))
    if len(phrases) == 1:
        return f"{verb} {phrases[0].text}"
    texts = [f"either {phrase.text}" if phrase.choice else phrase.text for phrase in phrases]
    be, denial, among = verb.partition(" not")
    if denial:
        return f"{be}{among} neither {_joined(texts, 'nor')}"
    if verb in ("is", "are", "is among") and not any(piece.adjective for piece in pieces):
        return f"{verb} " + ("both " if len(texts) == 2 else "at once ") + _joined(texts, "and")
    return f"{verb} {_joined(texts, 'and')}"
