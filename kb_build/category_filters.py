"""Rules for the categories that organise a wiki instead of its subject."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..ontology.errors import DataError, UsageError

DEFAULT_FILTERS = Path(__file__).parent / "data" / "category_filters.toml"

_KEYS = {"name", "why", "effect", "titles", "members_of"}


@dataclass(frozen=True)
class Family:
    """A kind of category that is left out.

    Attributes
    ----------
    name, why
        What is recorded with each of its members.
    bypass
        Whether the sub-categories of a member are joined to its parents.
    titles, members_of
        Patterns, searched for in titles with spaces: of the members themselves, and of categories whose
        direct sub-categories are members.
    """

    name: str
    why: str
    bypass: bool
    titles: tuple[str, ...]
    members_of: tuple[str, ...]


@dataclass(frozen=True)
class CategoryFilters:
    """The families in order of precedence, and the titles of the categories at the top of the hierarchy."""

    families: tuple[Family, ...]
    roots: tuple[str, ...]

    def match_titles(self, titles: Iterable[str], count: int) -> NDArray[np.int16]:
        """Number of the first family whose `titles` fit, -1 for none; shape (count,)."""
        return _first_match([family.titles for family in self.families], titles, count)

    def match_members_of(self, titles: Iterable[str], count: int) -> NDArray[np.int16]:
        """Number of the first family to which the sub-categories of a title belong, -1 for none."""
        return _first_match([family.members_of for family in self.families], titles, count)


def _first_match(families: list[tuple[str, ...]], titles: Iterable[str], count: int) -> NDArray[np.int16]:
    searches = [(k, re.compile(_either(patterns)).search) for k, patterns in enumerate(families) if patterns]
    # Nearly all of millions of titles fit nothing, so one search for everything comes first; in two parts,
    # because an expression that is anchored in all its branches is left early.
    every = [pattern for patterns in families for pattern in patterns]
    anchored = re.compile(_either([pattern for pattern in every if pattern.startswith("^")])).search
    free = re.compile(_either([pattern for pattern in every if not pattern.startswith("^")])).search
    found = np.full(count, -1, np.int16)
    for index, title in enumerate(titles):
        name = title.replace("_", " ")
        if anchored(name) or free(name):
            found[index] = next(k for k, search in searches if search(name))
    return found


def _either(patterns: Sequence[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns) or "(?!)"


def read_filters(path: Path | str = DEFAULT_FILTERS) -> CategoryFilters:
    """Read a file of category families.

    Parameters
    ----------
    path
        A TOML file as described in the head of the default one.

    Raises
    ------
    UsageError
        If there is no such file.
    DataError
        If it is not valid: syntax, an unknown key, a missing name, a pattern that is no regular expression.

    Examples
    --------
    >>> filters = read_filters()
    >>> found = filters.match_titles(["Cars", "Car_stubs", "Cars_by_year"], 3)
    >>> [filters.families[k].name if k >= 0 else None for k in found]
    [None, 'stub', 'by-date']
    """
    path = Path(path)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError("there is no such file", where=path, expected="a TOML file of families") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"the file is not TOML: {error}", where=path) from error
    unknown = set(document) - {"roots", "family"}
    if unknown:
        raise DataError(f"unknown key {sorted(unknown)[0]!r}", where=path, expected="roots or [[family]]")
    families = tuple(_family(entry, path) for entry in document.get("family", []))
    return CategoryFilters(families, tuple(_strings(document, "roots", f"{path}")))


def _family(entry: dict[str, object], path: Path) -> Family:
    where = f"{path}: family {entry.get('name', '?')}"
    unknown = set(entry) - _KEYS
    if unknown:
        raise DataError(f"unknown key {sorted(unknown)[0]!r}", where=where, expected=", ".join(sorted(_KEYS)))
    name, why, effect = entry.get("name"), entry.get("why"), entry.get("effect", "drop")
    if not (isinstance(name, str) and name and isinstance(why, str) and why):
        raise DataError("a family lacks its name or why", where=where, expected="both, as text")
    if effect not in ("drop", "bypass"):
        raise DataError(f"effect {effect!r} is unknown", where=where, expected='"drop" or "bypass"')
    return Family(
        name,
        why,
        effect == "bypass",
        _patterns(entry, "titles", where),
        _patterns(entry, "members_of", where),
    )


def _strings(entry: dict[str, object], key: str, where: str) -> list[str]:
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise DataError(f"{key} is not a list of texts", where=where, expected=f'{key} = ["…"]')
    return values


def _patterns(entry: dict[str, object], key: str, where: str) -> tuple[str, ...]:
    values = _strings(entry, key, where)
    for value in values:
        try:
            re.compile(value)
        except re.error as error:
            raise DataError(f"{value!r} in {key} is no regular expression: {error}", where=where) from error
    return tuple(values)
