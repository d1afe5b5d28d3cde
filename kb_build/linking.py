"""Linking the names that annotators use to the classes of a knowledge base."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..ontology.errors import DataError, UsageError
from ..ontology.kb import KB
from ..ontology.names import human_label

EXACT_MATCH, CLOSE_MATCH = "skos:exactMatch", "skos:closeMatch"


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
        How the class was found.
    """

    name: str
    iri: str | None
    predicate: str = EXACT_MATCH
    confidence: float = 0.0
    method: str = "no class found"


class Linker:
    """Finds the class that a name means, by its title.

    Parameters
    ----------
    kb
        The knowledge base. A class's title is the last part of its IRI in words; classes that were made for
        names without a class are no candidates.
    """

    def __init__(self, kb: KB) -> None:
        import inflect

        self._inflect = inflect.engine()
        self._titles: dict[str, str] = {}
        self._folded: dict[str, str] = {}
        for iri in kb.index.classes:
            if iri.startswith(f"{kb.base}dataset/"):
                continue
            title = human_label(iri)
            self._keep(self._titles, title, iri)
            self._keep(self._folded, fold(title), iri)

    @staticmethod
    def _keep(table: dict[str, str], key: str, iri: str) -> None:
        """Of two classes with one title keep the one with the shorter IRI, then the first alphabetically."""
        known = table.get(key)
        if known is None or (len(iri), iri) < (len(known), known):
            table[key] = iri

    def link(self, name: str) -> Link:
        """Link one name: exact title, then ignoring case and punctuation, then its plural or singular."""
        title = name[:1].upper() + name[1:]
        if title in self._titles or name in self._titles:
            iri = self._titles.get(name) or self._titles[title]
            return Link(name, iri, EXACT_MATCH, 1.0, "exact title")
        folded = fold(name)
        if folded in self._folded:
            return Link(name, self._folded[folded], EXACT_MATCH, 0.95, "title without case and punctuation")
        for form, method in self._inflections(folded):
            if form in self._folded:
                return Link(name, self._folded[form], CLOSE_MATCH, 0.9, method)
        return Link(name, None)

    def link_all(self, names: Iterable[str]) -> list[Link]:
        """Link distinct names, in alphabetical order."""
        return [self.link(name) for name in sorted(set(names))]

    def _inflections(self, folded: str) -> list[tuple[str, str]]:
        forms = [(fold(self._inflect.plural_noun(folded)), "plural of the name")]
        singular = self._inflect.singular_noun(folded)
        if singular:
            forms.append((fold(singular), "singular of the name"))
        return forms


def fold(title: str) -> str:
    """Comparison key of a title: no case, accents, punctuation or doubled spaces.

    Examples
    --------
    >>> fold("Café–bar_(building)")
    'cafe bar building'
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", title) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", plain).strip().casefold()


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
