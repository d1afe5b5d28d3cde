"""Linking the names that annotators use to the classes of a knowledge base."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pyoxigraph import Literal, NamedNode

from ..ontology.errors import DataError, UsageError
from ..ontology.kb import KB
from ..ontology.names import human_label
from ..ontology.vocabulary import LABEL, SKOS

EXACT_MATCH, CLOSE_MATCH = "skos:exactMatch", "skos:closeMatch"
BY_WORDS, BY_MEANING = "semapv:LexicalMatching", "semapv:SemanticSimilarityThresholdMatching"
MIN_SIMILARITY = 0.8
"""Cosine from which a class is taken for what a name means, by default: see ``docs/benchmarks.md``."""
NOT_FOUND = "no class found"

Embed: TypeAlias = Callable[[Sequence[str]], NDArray[np.float32]]
"""From texts to vectors, shape (texts, d), rows of length 1."""

_BATCH = 4096
"""Classes that are embedded at a time."""
_MEASURED = ((0.8, 0.7), (0.7, 0.6), (0.6, 0.35), (-1.0, 0.1))
"""Share of right links among those at least so similar, in the sample of ``benchmarks/linking.py``."""
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
    justification
        The kind of method, as SSSOM calls it.
    """

    name: str
    iri: str | None
    predicate: str = EXACT_MATCH
    confidence: float = 0.0
    method: str = NOT_FOUND
    justification: str = BY_WORDS


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

    What none of this finds may be linked by meaning, if asked: to the class whose label, or title, has the most similar
    embedding. About three in ten of these links are wrong, so that they are meant to be read before they are used.

    Parameters
    ----------
    kb
        The knowledge base. It is read once for each call of :meth:`link_all`; what is held in memory grows with
        the names, not with the classes, unless names are linked by meaning.
    embed
        Sentence embeddings, for links by meaning.
    min_similarity
        Cosine of the embeddings from which a name is linked.

    Raises
    ------
    UsageError
        `min_similarity` is not between 0 and 1.
    """

    def __init__(self, kb: KB, *, embed: Embed | None = None, min_similarity: float = MIN_SIMILARITY) -> None:
        import inflect

        if not 0 <= min_similarity <= 1:
            raise UsageError(f"the similarity {min_similarity:g} is no cosine to ask for", expected="0 to 1")
        self._kb = kb
        self._inflect = inflect.engine()
        self._embed = embed
        self._min_similarity = min_similarity

    def link(self, name: str) -> Link:
        """Link one name; use :meth:`link_all` for several."""
        return self.link_all([name])[0]

    def link_all(self, names: Iterable[str], *, progress: Callable[[int, int], None] | None = None) -> list[Link]:
        """Link distinct names, in alphabetical order.

        `progress` is called with the number of labels that are compared by meaning, and of all of them.
        """
        forms = {name: self._forms(name) for name in sorted(set(names))}
        candidates: dict[str, _Candidates] = {}
        for keys in forms.values():
            for key, _ in keys:
                candidates.setdefault(key, _Candidates())
                candidates.setdefault(fold(key + _FIRST_SENSE), _Candidates())
        self._collect(candidates)
        links = [_choose(name, self._title(name), keys, candidates) for name, keys in forms.items()]
        if self._embed is None:
            return links
        unknown = [link.name for link in links if link.method == NOT_FOUND and fold(link.name)]
        similar = self._similar(unknown, self._embed, progress) if unknown else {}
        return [similar.get(link.name, link) for link in links]

    def _similar(
        self, names: Sequence[str], embed: Embed, progress: Callable[[int, int], None] | None
    ) -> dict[str, Link]:
        """Links by meaning, of the names that have one."""
        called: dict[str, list[str]] = {}
        own = f"{self._kb.base}dataset/"
        for iri in self._kb.index.classes:
            if not iri.startswith(own):
                called.setdefault(self._kb.label(iri) or human_label(iri), []).append(iri)
        labels = sorted(called)
        vectors = embed(names)
        best = np.full(len(names), -2.0, np.float32)
        chosen = np.zeros(len(names), np.int64)
        for start in range(0, len(labels), _BATCH):
            cosines = vectors @ embed(labels[start : start + _BATCH]).T
            nearest = cosines.argmax(axis=1)
            highest = cosines[np.arange(len(names)), nearest]
            better = highest > best
            best[better], chosen[better] = highest[better], start + nearest[better]
            if progress is not None:
                progress(min(start + _BATCH, len(labels)), len(labels))
        found = {}
        for name, cosine, position in zip(names, best.tolist(), chosen.tolist(), strict=True):
            if cosine >= self._min_similarity:
                found[name] = _meant(name, cosine, labels[position], called[labels[position]])
        return found

    def _title(self, name: str) -> str:
        """Name without the name of a wiki's category namespace, if it begins with that."""
        return self._kb.title(name.strip().replace(" ", "_")).replace("_", " ") if ":" in name else name

    def _forms(self, name: str) -> list[tuple[str, str]]:
        """Keys under which a name may be found, and the way that each is."""
        folded = fold(self._title(name))
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
            for triple in self._kb.statements(predicate):
                text, subject = triple.object, triple.subject
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


def _choose(name: str, spelt: str, forms: Sequence[tuple[str, str]], candidates: Mapping[str, _Candidates]) -> Link:
    if not forms:
        return Link(name, None)
    titles = candidates[forms[0][0]].titles
    for title in (spelt, spelt[:1].upper() + spelt[1:]):
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


def _meant(name: str, cosine: float, label: str, classes: Sequence[str]) -> Link:
    """Link by meaning, unless several classes have the label."""
    if len(classes) > 1:
        return Link(name, None, method=f"{len(classes)} classes have the similar label {label!r}")
    confidence = next(share for least, share in _MEASURED if cosine >= least)
    method = f"similar meaning, {cosine:.3f}"
    return Link(name, classes[0], CLOSE_MATCH, confidence, method, BY_MEANING)


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
