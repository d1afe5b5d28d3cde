"""Linking the names that annotators use to the classes of a knowledge base."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pyoxigraph import Literal, NamedNode

from ..ontology.errors import DataError, UsageError
from ..ontology.kb import KB
from ..ontology.names import human_label
from ..ontology.vocabulary import LABEL, SKOS

EXACT_MATCH, CLOSE_MATCH = "skos:exactMatch", "skos:closeMatch"
_GAP = re.compile(r"[\W_]+")
# How the name of a synset ends that is the most frequent meaning of a noun.
_FIRST_SENSE = ".n.01"
_SYNONYMS = (
    LABEL,
    NamedNode(SKOS + "prefLabel"),
    NamedNode(SKOS + "altLabel"),
    NamedNode(SKOS + "hiddenLabel"),
    NamedNode(SKOS + "notation"),
)


@dataclass(frozen=True)
class Link:
    """A name and the class it was linked to.

    Attributes
    ----------
    name
        The annotators' name.
    iri
        IRI of the class, or None when no class was found.
    predicate
        ``skos:exactMatch`` or ``skos:closeMatch``.
    confidence
        0 to 1.
    method
        How the class was found, or why none was.
    """

    name: str
    iri: str | None
    predicate: str = EXACT_MATCH
    confidence: float = 0.0
    method: str = "no class found"


class Linker:
    """Finds the class that a name means: by its title, then by its labels and synonyms.

    A class's title is the last part of its IRI in words; its synonyms are ``rdfs:label``, the labels of SKOS
    (redirects of a wiki, the words of a WordNet synset) and ``skos:notation``. Classes that were made for
    names without a class are no candidates.

    The ways are, surest first: exact title; title without case and punctuation; synonym; plural or singular of
    the name as a title, then as a synonym. Of classes with one title that with the shorter IRI is
    meant. A synonym that several classes share means the first WordNet sense of the word if they are synsets,
    and else nothing, because a guess would be wrong about as often as right. A synonym in another
    language than English counts if there is none in English.

    Parameters
    ----------
    kb
        The knowledge base. It is read once for each call of :meth:`link_all`; what is held in memory grows with
        the names, not with the classes.
    """

    def __init__(self, kb: KB) -> None:
        import inflect

        self._kb = kb
        self._inflect = inflect.engine()

    def link(self, name: str) -> Link:
        """Link one name; use :meth:`link_all` for several."""
        return self.link_all([name])[0]

    def link_all(self, names: Iterable[str]) -> list[Link]:
        """Link distinct names, in alphabetical order."""
        forms = {name: self._forms(name) for name in sorted(set(names))}
        candidates: dict[str, _Candidates] = {}
        for keys in forms.values():
            for key, _ in keys:
                candidates.setdefault(key, _Candidates())
                candidates.setdefault(fold(key + _FIRST_SENSE), _Candidates())
        self._collect(candidates)
        return [_choose(name, keys, candidates) for name, keys in forms.items()]

    def _forms(self, name: str) -> list[tuple[str, str]]:
        """Keys under which a name may be found, and the way that each is."""
        folded = fold(name)
        forms = [(folded, "")]
        if folded.isascii() and any(c.isalpha() for c in folded):
            forms.append((fold(self._inflect.plural_noun(folded)), "plural of the name"))
            singular = self._inflect.singular_noun(folded)
            if singular:
                forms.append((fold(singular), "singular of the name"))
        return [(key, method) for key, method in forms if key]

    def _collect(self, candidates: dict[str, _Candidates]) -> None:
        classes = self._kb.index.classes
        own = f"{self._kb.base}dataset/"
        for iri in classes:
            title = human_label(iri)
            found = candidates.get(fold(title))
            if found is not None and not iri.startswith(own):
                found.titles.append((title, iri))
        for predicate in _SYNONYMS:
            for quad in self._kb.store.quads_for_pattern(None, predicate, None, None):
                text, subject = quad.object, quad.subject
                if isinstance(text, Literal) and (found := candidates.get(fold(text.value))) is not None:
                    iri = subject.value if isinstance(subject, NamedNode) else ""
                    if iri in classes and not iri.startswith(own):
                        foreign = text.language is not None and not text.language.startswith("en")
                        (found.foreign if foreign else found.synonyms).append((text.value, iri))


@dataclass
class _Candidates:
    """Classes whose title or synonym has one key, each with the text itself."""

    titles: list[tuple[str, str]] = field(default_factory=list)
    synonyms: list[tuple[str, str]] = field(default_factory=list)
    foreign: list[tuple[str, str]] = field(default_factory=list)


def _choose(name: str, forms: Sequence[tuple[str, str]], candidates: Mapping[str, _Candidates]) -> Link:
    if not forms:
        return Link(name, None)
    titles = candidates[forms[0][0]].titles
    for title in (name, name[:1].upper() + name[1:]):
        exact = [iri for text, iri in titles if text == title]
        if exact:
            return Link(name, _shortest(exact), EXACT_MATCH, 1.0, "exact title")
    if titles:
        iri = _shortest([iri for _, iri in titles])
        return Link(name, iri, EXACT_MATCH, 0.95, "title without case and punctuation")
    link = _synonym(name, *forms[0], candidates)
    if link.iri is not None:
        return link
    for key, way in forms[1:]:
        if candidates[key].titles:
            return Link(name, _shortest([iri for _, iri in candidates[key].titles]), CLOSE_MATCH, 0.9, way)
    inflected = (_synonym(name, key, way, candidates) for key, way in forms[1:])
    return next((found for found in inflected if found.iri is not None), link)


def _synonym(name: str, key: str, way: str, candidates: Mapping[str, _Candidates]) -> Link:
    """Link by synonyms with one key; `way` says how the key differs from the name, if it does."""
    found = candidates[key]
    suffix = f", {way}" if way else ""
    said = [(text, iri) for text, iri in found.synonyms if text == name] or found.synonyms
    classes = {iri for _, iri in said}
    if len(classes) == 1:
        predicate, confidence = (CLOSE_MATCH, 0.8) if way else (EXACT_MATCH, 0.9)
        return Link(name, classes.pop(), predicate, confidence, f"redirect or synonym{suffix}")
    if classes:
        sense = candidates[fold(key + _FIRST_SENSE)]
        first = {iri for text, iri in [*sense.titles, *sense.synonyms] if text.endswith(_FIRST_SENSE)}
        if len(first & classes) == 1:
            method = f"first of {len(classes)} WordNet senses{suffix}"
            return Link(name, (first & classes).pop(), CLOSE_MATCH, 0.6, method)
        return Link(name, None, method=f"{len(classes)} classes have this synonym{suffix}")
    foreign = {iri for _, iri in found.foreign}
    if len(foreign) == 1:
        return Link(name, foreign.pop(), CLOSE_MATCH, 0.7, f"redirect or synonym in another language{suffix}")
    return Link(name, None)


def _shortest(iris: Sequence[str]) -> str:
    return min(iris, key=lambda iri: (len(iri), iri))


def fold(title: str) -> str:
    """Comparison key of a title: no case, accents, punctuation or doubled spaces.

    Examples
    --------
    >>> fold("Café–bar_(building)")
    'cafe bar building'
    """
    if not title.isascii():
        title = "".join(c for c in unicodedata.normalize("NFKD", title) if not unicodedata.combining(c))
    return _GAP.sub(" ", title).strip().casefold()


def read_names(path: str | Path) -> list[str]:
    """Read names from a text file, one a line; empty lines and lines that begin with ``#`` are left out.

    Raises
    ------
    UsageError
        The file does not exist or holds no name.
    DataError
        The file is not UTF-8 text.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError("the file does not exist", where=path, expected="a text file with one name a line")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"is not UTF-8 text ({error.reason} at byte {error.start})", where=path) from error
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not names:
        raise UsageError("holds no name", where=path, expected="one name a line")
    return names
