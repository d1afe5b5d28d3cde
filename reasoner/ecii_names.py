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

    It writes an entity as OWL API's short form, which is what follows the last ``#`` or ``/`` of the IRI, so that
    ``…#Human/machine_interaction`` becomes ``machine_interaction``, behind a prefix of the ontology's
    document. An entity without a prefix becomes ``null``, and is lost.

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
    """What follows the last ``#`` or ``/``.

    Examples
    --------
    >>> short_form("http://a.org/b#C"), short_form("http://a.org/b#Human/machine_interaction")
    ('C', 'machine_interaction')
    """
    return iri[max(iri.rfind("#"), iri.rfind("/")) + 1 :]
