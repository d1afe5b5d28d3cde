"""Names in ECII's output: what stands for which class or property."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from pathlib import Path

from ..ontology.errors import UsageError
from ..ontology.index import KBIndex

_XMLNS = re.compile(r"""xmlns(?::([\w.\-]+))?\s*=\s*(["'])(.*?)\2""")
_HEAD = 65_536
_NAME_START = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd"
)
_NCNAME_END = re.compile(f"[{_NAME_START}][{_NAME_START}0-9.\u00b7\u0300-\u036f\u203f\u2040-]*$")


def document_prefixes(path: Path) -> dict[str, str]:
    """Namespaces by prefix that an RDF/XML document declares first; the empty prefix is the default one.

    ECII writes names with the prefixes of the ontology's document, not with those of its configuration.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "o.owl")
    ...     _ = file.write_text('<rdf:RDF xmlns="http://a.org/#" xmlns:b="http://b.org/">')
    ...     document_prefixes(file)
    {'': 'http://a.org/#', 'b': 'http://b.org/'}
    """
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8", errors="replace")
    found: dict[str, str] = {}
    for prefix, _, namespace in _XMLNS.findall(head):
        found.setdefault(prefix, namespace)
    return found


class EciiNames:
    """Resolves the names of ECII's output.

    It writes an entity as OWL API's short form (``Human–machine_interaction`` becomes
    ``machine_interaction``, see :func:`short_form`) behind a prefix of the ontology's document. An entity
    without a prefix becomes ``null``, and is lost.

    Parameters
    ----------
    index
        Classes and object properties.
    prefixes
        Namespaces by prefix, see :func:`document_prefixes`.
    """

    def __init__(self, index: KBIndex, prefixes: Mapping[str, str]) -> None:
        self._prefixes = prefixes
        self._holders: dict[str, list[str]] = {}
        for table in (index.classes, index.properties):
            for iri in table:
                self._holders.setdefault(short_form(iri), []).append(iri)

    def to_iri(self, name: str) -> str:
        """IRI of a name with or without prefix.

        Raises
        ------
        UsageError
            No entity has the name, or several have.
        """
        prefix, colon, local = name.partition(":")
        holders = self._holders.get(local if colon else name, [])
        if colon and len(holders) > 1 and prefix in self._prefixes:
            holders = [iri for iri in holders if iri.startswith(self._prefixes[prefix])]
        if len(holders) != 1:
            raise UsageError(f"{name!r} stands for {len(holders) or 'no'} entities", expected="exactly one")
        return holders[0]


def short_form(iri: str) -> str:
    """OWL API's short form: the longest end of the IRI that is a name in XML (an NCName).

    Examples
    --------
    >>> [short_form("http://a.org/b#" + name) for name in ("C", "Human/machine_work", "Human–machine_work")]
    ['C', 'machine_work', 'machine_work']
    """
    found = _NCNAME_END.search(iri)
    return found[0] if found else iri
