"""What a wiki says of itself in its dumps: where it is, what it is called, its language."""

from __future__ import annotations

import bz2
import html
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isal import igzip, isal_zlib

from ..ontology.errors import DataError, UsageError
from ..ontology.iris import encode_segment

_HEAD = 1 << 20
_CATEGORIES = "14"
"""Number of the namespace of categories in every wiki."""
_FORBIDDEN = re.compile(r"[:/#<>\[\]{}|\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Site:
    """A wiki.

    Attributes
    ----------
    name
        Name of its database, such as ``dewiki``: what files of dumps begin with.
    address
        What precedes the titles in the addresses of its pages.
    language
        Code of the language of its content.
    category
        Its name of the namespace of categories, such as ``Kategorie``. Every wiki knows the canonical name, besides.
    """

    name: str
    address: str
    language: str
    category: str = "Category"

    @classmethod
    def wikipedia(cls, language: str) -> Site:
        """Wikipedia in a language, with the canonical name of the namespace.

        Examples
        --------
        >>> Site.wikipedia("de")
        Site(name='dewiki', address='https://de.wikipedia.org/wiki/', language='de', category='Category')
        """
        return cls(f"{language}wiki", f"https://{language}.wikipedia.org/wiki/", language)

    @property
    def category_base(self) -> str:
        """What precedes the titles of categories in their addresses."""
        return f"{self.address}{encode_segment(self.category.replace(' ', '_'))}:"


def read_site(path: Path | str) -> Site:
    """Read what a wiki says of itself.

    Parameters
    ----------
    path
        An XML dump (``…-pages-articles.xml``, of which only the head is read) or the answer of the wiki's API to
        ``meta=siteinfo`` (``…-siteinfo-namespaces.json``); plain, gzip or bzip2.

    Raises
    ------
    UsageError
        There is no such file.
    DataError
        It is neither of these, or damaged.
    """
    path = Path(path)
    try:
        text = _head(path).decode("utf-8", "replace")
    except FileNotFoundError:
        raise UsageError("there is no such file", where=path, expected="an XML dump or a siteinfo file") from None
    except (OSError, EOFError, zlib.error, isal_zlib.IsalError) as error:  # type: ignore[misc]
        raise DataError(f"cannot be read ({error})", where=path, hint="fetch the file again") from error
    found = _from_json(text) if text.lstrip().startswith("{") else _from_xml(text)
    missing = [key for key in ("name", "address", "language") if not found.get(key)]
    if missing:
        raise DataError(
            f"says nothing of the wiki's {' and '.join(missing)}",
            where=path,
            expected="the head of an XML dump of a wiki, or a siteinfo file with its general part",
        )
    if not found["category"]:
        del found["category"]
    elif _FORBIDDEN.search(found["category"]):
        raise DataError(
            f"calls the namespace of categories {found['category']!r}",
            where=path,
            expected="a name without : / # < > [ ] { } | and control characters",
        )
    return Site(**found)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        magic = file.read(3)
        file.seek(0)
        if magic[:2] == b"\x1f\x8b":
            with igzip.IGzipFile(fileobj=file, mode="rb") as stream:  # type: ignore[no-untyped-call]
                return bytes(stream.read(_HEAD))
        if magic == b"BZh":
            with bz2.BZ2File(file) as stream:
                return stream.read(_HEAD)
        return file.read(_HEAD)


def _from_xml(text: str) -> dict[str, str]:
    # Only the few elements of the head, which never hold others: no need for a parser and what it may be made to do.
    head = text.partition("</siteinfo>")[0]
    base = re.search(r"<base>([^<]*)</base>", head)
    name = re.search(r"<dbname>([^<]*)</dbname>", head)
    language = re.search(r'<mediawiki[^>]*\sxml:lang="([^"]*)"', head)
    category = re.search(rf'<namespace[^>]*\skey="{_CATEGORIES}"[^>]*>([^<]*)</namespace>', head)
    return {
        "name": html.unescape(name[1]) if name else "",
        # The address of the main page.
        "address": html.unescape(base[1]).rpartition("/")[0] + "/" if base else "",
        "language": html.unescape(language[1]) if language else "",
        "category": html.unescape(category[1]).strip() if category else "",
    }


def _from_json(text: str) -> dict[str, str]:
    try:
        document: Any = json.loads(text)
        general = document["query"]["general"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    if not isinstance(general, dict):
        return {}
    namespaces = document["query"].get("namespaces")
    category = namespaces.get(_CATEGORIES) if isinstance(namespaces, dict) else None
    # The two versions of the API's format: "*", and "name".
    own = (category.get("*") or category.get("name") or "") if isinstance(category, dict) else ""
    base = str(general.get("base", ""))
    return {
        "name": str(general.get("wikiid", "")),
        "address": base.rpartition("/")[0] + "/" if base else "",
        "language": str(general.get("lang", "")),
        "category": str(own).strip(),
    }
