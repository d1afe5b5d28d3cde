"""Short, readable names for IRIs, and back.

A renderer needs one callable, ``short(iri) -> str``; a parser needs one, ``resolve(name) -> str``. A
:class:`NameTable` offers both, either over IRIs at hand or over a lookup that asks a knowledge base of any
size, so that nobody has to hold millions of names in memory.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import unquote

from .errors import DataError, UsageError, near_matches

Shorten: TypeAlias = Callable[[str], str]
Resolve: TypeAlias = Callable[[str], str]
Lookup: TypeAlias = Callable[[str], Iterable[str]]

OWL = "http://www.w3.org/2002/07/owl#"
THING = OWL + "Thing"
NOTHING = OWL + "Nothing"

KEYWORDS = frozenset(
    {"and", "or", "not", "some", "only", "min", "max", "exactly", "value", "inverse", "that", "Self"}
    | {"true", "false", "null", "Thing", "Nothing"}
)
"""Words that mean something in a syntax and hence never stand for an entity without angle brackets."""

_SYNTAX_CHARACTERS = frozenset('()[]{}<>"\\^`|=∃∀≥≤⊤⊥⊓⊔¬⁻⊑≡')
_NOT_FIRST = frozenset("':.,-%@")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_CANONICAL = "Category"
_CATEGORY_NAMESPACES: dict[str, None] = {}
_BUILT_IN = MappingProxyType({"Thing": THING, "Nothing": NOTHING, "owl:Thing": THING, "owl:Nothing": NOTHING})


def is_name_character(character: str) -> bool:
    """Whether a character may stand in a name that is written without angle brackets.

    Letters, digits, marks, symbols and emoji of every script may; white space, invisible characters
    (direction marks, joiners) and everything that a syntax uses may not.
    """
    return character.isprintable() and not character.isspace() and character not in _SYNTAX_CHARACTERS


def is_simple(name: str) -> bool:
    """Whether a name can be written without angle brackets and read back as one name.

    Examples
    --------
    >>> is_simple("Human–machine_interaction"), is_simple("Caf%C3%A9"), is_simple("only"), is_simple("a (b)")
    (True, True, False, False)
    """
    return bool(name) and name not in KEYWORDS and name[0] not in _NOT_FIRST and all(map(is_name_character, name))


def bracketed(iri: str) -> str:
    r"""Write an IRI in angle brackets; brackets, backslashes and control characters become ``\uXXXX``.

    Examples
    --------
    >>> bracketed("http://example.org/a b>c")
    '<http://example.org/a b\\u003Ec>'
    """
    return "<" + "".join(_escaped(c) if c in "<>\\" or ord(c) < 32 or ord(c) == 127 else c for c in iri) + ">"


def unbracketed(text: str) -> str:
    r"""Read what :func:`bracketed` wrote.

    Raises
    ------
    DataError
        If a ``\U`` escape names no character.

    Examples
    --------
    >>> unbracketed("<http://example.org/a b\\u003Ec>")
    'http://example.org/a b>c'
    """
    try:
        return _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), text[1:-1])
    except (ValueError, OverflowError):
        raise DataError("an escape in an IRI names no character", where=text, expected="\\uXXXX") from None


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04X}"


def recognise_categories(namespaces: Iterable[str]) -> None:
    """Make :func:`local_name` know what precedes the titles of categories in the IRIs of a wiki, in this process.

    A knowledge base records that of its wikis and calls this when it is opened. It is a fact about the IRIs and not
    about one knowledge base, so nothing ever takes it back.

    Parameters
    ----------
    namespaces
        Such as ``https://de.wikipedia.org/wiki/Kategorie:``.

    Examples
    --------
    >>> local_name("https://de.wikipedia.org/wiki/Kategorie:AC/DC")
    'DC'
    >>> recognise_categories(["https://de.wikipedia.org/wiki/Kategorie:"])
    >>> local_name("https://de.wikipedia.org/wiki/Kategorie:AC/DC")
    'AC/DC'
    """
    _CATEGORY_NAMESPACES.update(dict.fromkeys(namespaces))


def local_name(iri: str) -> str:
    """Part of an IRI after ``#``, else the last ``/``, else the last ``:``; without ``Category:``.

    Of a category of a wiki that is known (:func:`recognise_categories`) it is the title.

    Examples
    --------
    >>> local_name("http://en.wikipedia.org/wiki/Category:Road_vehicles"), local_name("http://a.org/b/c#D/E")
    ('Road_vehicles', 'D/E')
    """
    for known in _CATEGORY_NAMESPACES:
        if iri.startswith(known):
            return iri[len(known) :]
    _, hash_found, local = iri.partition("#")
    if not hash_found:
        local = iri[iri.rfind("/") + 1 :] if "/" in iri else iri[iri.rfind(":") + 1 :]
    return local.removeprefix(f"{_CANONICAL}:")


def is_canonical(namespace: str) -> bool:
    """Whether what precedes the titles of categories ends in the name that every MediaWiki knows, ``Category:``."""
    return namespace.endswith(f"/{_CANONICAL}:")


def without_category(name: str, namespaces: Iterable[str]) -> tuple[str, list[str]]:
    """Take the name of a wiki's category namespace off a name that people typed.

    Parameters
    ----------
    name
        Underscores for spaces. The namespace may have its own name or the canonical one, in any case of letters.
    namespaces
        What precedes the titles of categories in IRIs.

    Returns
    -------
    title
        The rest, or the whole name.
    meant
        Those of the namespaces that the name may have named; empty where it names none.

    Examples
    --------
    >>> german, french = "https://de.wikipedia.org/wiki/Kategorie:", "https://fr.wikipedia.org/wiki/Catégorie:"
    >>> without_category("kategorie:Autos", [german, french])
    ('Autos', ['https://de.wikipedia.org/wiki/Kategorie:'])
    >>> without_category("Star_Trek:_Voyager", [german, french])
    ('Star_Trek:_Voyager', [])
    """
    prefix, colon, title = name.partition(":")
    spelt = prefix.strip("_ ").replace(" ", "_").casefold()
    own = {space: unquote(space[:-1].rpartition("/")[2]).casefold() for space in namespaces}
    meant = [space for space, called in own.items() if colon and spelt in (called, _CANONICAL.casefold())]
    return (title.strip("_ "), meant) if meant else (name, [])


def human_label(iri: str) -> str:
    """Human words for an IRI: its local name percent-decoded, underscores as spaces, ``WN_`` dropped.

    A percent sequence that is not UTF-8 stays as it is. CamelCase stays as it is.

    Examples
    --------
    >>> human_label("http://example.org/hcbdwsu#WN_Caf%C3%A9_table"), human_label("http://example.org/BodyOfWater")
    ('Café table', 'BodyOfWater')
    """
    local = local_name(iri).removeprefix("WN_")
    with contextlib.suppress(UnicodeDecodeError):
        local = unquote(local, errors="strict")
    return " ".join(local.replace("_", " ").split()) or iri


def lookup_in_namespaces(
    namespaces: Iterable[str], exists: Callable[[str], bool], categories: Iterable[str] = ()
) -> Lookup:
    """Make a lookup for :class:`NameTable` from the namespaces of a knowledge base and a membership test.

    Parameters
    ----------
    namespaces
        What precedes the local names, e.g. ``http://en.wikipedia.org/wiki/Category:``.
    exists
        Whether an IRI is an entity of the knowledge base, e.g. a probe of the store.
    categories
        Those of the namespaces that hold the categories of a wiki: their names are taken with the name of the
        namespace, too.

    Examples
    --------
    >>> lookup = lookup_in_namespaces(["http://a.org/#", "http://b.org/#"], {"http://b.org/#Road"}.__contains__)
    >>> lookup("Road")
    ['http://b.org/#Road']
    """
    fixed = tuple(dict.fromkeys(namespaces))
    of_wikis = tuple(dict.fromkeys(categories))

    def lookup(local: str) -> list[str]:
        found = [iri for namespace in fixed if exists(iri := namespace + local)]
        if found or not of_wikis:
            return found
        title, meant = without_category(local, of_wikis)
        return [iri for namespace in meant if exists(iri := namespace + title)]

    return lookup


class NameTable:
    """Short names that are unique among the entities of one knowledge base or one expression.

    Parameters
    ----------
    iris
        Entities at hand. May be empty if `lookup` is given.
    lookup
        For a local name the IRIs that carry it, for entities beyond `iris`; nothing else is asked of a large
        knowledge base, and it is asked only for the names that occur.
    prefixes
        Namespace of each prefix; the empty prefix is the default namespace. Without one, ``:name`` means
        ``name``.
    label_of
        Label of an entity or None, e.g. ``labels.get``. :func:`human_label` is used where it gives None.

    Examples
    --------
    >>> table = NameTable(["http://a.org/#Road", "http://a.org/#Night_table", "http://b.org/#Road"])
    >>> table.short("http://a.org/#Night_table"), table.short("http://b.org/#Road")
    ('Night_table', '<http://b.org/#Road>')
    >>> table.to_iri("Night_table")
    'http://a.org/#Night_table'
    """

    def __init__(
        self,
        iris: Iterable[str] = (),
        *,
        lookup: Lookup | None = None,
        prefixes: Mapping[str, str] = MappingProxyType({}),
        label_of: Callable[[str], str | None] | None = None,
    ) -> None:
        self._lookup = lookup
        self._prefixes = dict(prefixes)
        self._label_of = label_of
        self._by_local: dict[str, list[str]] = {}
        self._by_label: dict[str, list[str]] | None = None
        for iri in dict.fromkeys(iris):
            self._by_local.setdefault(local_name(iri), []).append(iri)

    def short(self, iri: str) -> str:
        """Local name if it is simple and belongs to this IRI alone, else the IRI in angle brackets."""
        local = local_name(iri)
        if is_simple(local) and not self._is_prefixed(local):
            holders = self._holders(local)
            if all(holder == iri for holder in holders):
                return local
        return bracketed(iri)

    def to_iri(self, name: str) -> str:
        """IRI for a short name, a prefixed name (``p:name``, ``:name``) or an IRI in angle brackets.

        Raises
        ------
        UsageError
            If no entity or more than one has the name, or the prefix is not declared.
        """
        if name.startswith("<") and name.endswith(">"):
            return unbracketed(name)
        holders = self._holders(name)
        if not holders and name in _BUILT_IN:
            return _BUILT_IN[name]
        if not holders and ":" in name:
            return self._expand(name)
        return self._only(name, holders)

    def from_label(self, label: str) -> str:
        """IRI of the entity with a label, as Manchester syntax quotes it.

        Labels of `iris` are compared as :meth:`label` gives them; beyond these, the label with underscores
        for spaces is looked up as a local name.

        Raises
        ------
        UsageError
            If no entity or more than one has the label.
        """
        if self._by_label is None:
            self._by_label = {}
            for holders in self._by_local.values():
                for iri in holders:
                    self._by_label.setdefault(self.label(iri), []).append(iri)
        found = self._by_label.get(label) or self._holders(label.replace(" ", "_"))
        return self._only(label, found, kind="label")

    def label(self, iri: str) -> str:
        """Human words for an entity: its given label, else :func:`human_label`."""
        given = self._label_of(iri) if self._label_of else None
        return given or human_label(iri)

    def _holders(self, local: str) -> list[str]:
        known = self._by_local.get(local, [])
        return list(dict.fromkeys([*known, *self._lookup(local)])) if self._lookup else known

    def _is_prefixed(self, local: str) -> bool:
        prefix, colon, _ = local.partition(":")
        return bool(colon) and prefix in self._prefixes

    def _expand(self, name: str) -> str:
        prefix, _, local = name.partition(":")
        if prefix in self._prefixes:
            iri = self._prefixes[prefix] + local
            if iri in self._holders(local_name(iri)):
                return iri
            raise UsageError(f"there is no {name!r}, i.e. {bracketed(iri)}", hint=self._near(local))
        if not prefix:
            return self._only(local, self._holders(local))
        declared = ", ".join(f"{p}:" for p in self._prefixes) or "none"
        raise UsageError(
            f"the prefix of {name!r} is not declared",
            expected=f"one of the declared prefixes ({declared}) or a name without prefix",
        )

    def _only(self, name: str, holders: list[str], kind: str = "name") -> str:
        if len(holders) == 1:
            return holders[0]
        if holders:
            choice = ", ".join(bracketed(iri) for iri in holders[:5]) + (", …" if len(holders) > 5 else "")
            raise UsageError(
                f"{name!r} is ambiguous: {len(holders)} entities have this {kind}",
                hint=f"write the full IRI instead, one of {choice}",
            )
        raise UsageError(f"there is no {name!r}", hint=self._near(name, labels=kind == "label"))

    def _near(self, name: str, labels: bool = False) -> str | None:
        known = (self._by_label or {}) if labels else self._by_local
        if known:
            return near_matches(name, known)
        return "names are case-sensitive and spelt as in the knowledge base" if self._lookup else "none are known"
