"""Remote SPARQL endpoints: where their services are, and writing a named graph so that retries do no harm."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from pyoxigraph import BlankNode, NamedNode, Triple

from .catalog import GraphEntry, catalog_iri
from .errors import DataError, NeurontologyError, UsageError, near_matches

log = logging.getLogger(__name__)

PRESETS = {
    "oxigraph": ("/query", "/update"),
    "fuseki": ("/sparql", "/update"),
    "graphdb": ("", "/statements"),
    "virtuoso": ("/sparql", "/sparql"),
    "qlever": ("", ""),
}
"""Paths of the query and the update service below the address that people know each server by."""
CHUNK = 2_000
"""Triples in one request: below the limits that servers set by default."""
ATTEMPTS = 4
_BUSY = (408, 429)
_AGENT = "neurontology (SPARQL client; https://w3id.org/neurontology/)"


@dataclass(frozen=True)
class Endpoint:
    """A SPARQL service.

    Attributes
    ----------
    query, update
        Addresses of the two services.
    timeout
        Seconds after which a request is given up.
    pause
        Seconds before the second attempt; doubled for each later one.
    """

    query: str
    update: str
    timeout: float = 60
    pause: float = 0.5

    @classmethod
    def at(cls, address: str, *, preset: str | None = None, timeout: float = 60) -> Endpoint:
        """Find the services of a server.

        Parameters
        ----------
        address
            With a preset, what the server's documentation calls its base, data set or repository. Without one,
            the address of the update service; the query service is beside it as in the preset that it resembles.
        preset
            One of :data:`PRESETS`.
        timeout
            Seconds after which a request is given up.

        Raises
        ------
        UsageError
            The address is not one of the web, or there is no such preset.

        Examples
        --------
        >>> Endpoint.at("http://localhost:3030/ds", preset="fuseki").update
        'http://localhost:3030/ds/update'
        >>> Endpoint.at("http://localhost:7878/update").query, Endpoint.at("http://localhost:7878").update
        ('http://localhost:7878/query', 'http://localhost:7878/update')
        """
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise UsageError("is not the address of a server", where=address, expected="http://… or https://…")
        if preset is not None and preset not in PRESETS:
            raise UsageError(f"there is no preset {preset!r}", hint=near_matches(preset, PRESETS))
        base = address.rstrip("/")
        if preset is None:
            found = next((n for n, (_, u) in PRESETS.items() if u and base.endswith(u)), None)
            if found is None and parts.path.strip("/"):
                return cls(base, base, timeout)
            preset = found or "oxigraph"
            base = base.removesuffix(PRESETS[preset][1]) if found else base
        query, update = PRESETS[preset]
        return cls(base + query, base + update, timeout)


def push_graph(endpoint: Endpoint, base: str, entry: GraphEntry, triples: Iterable[Triple]) -> bool:
    """Write a named graph to an endpoint, in place of one of the same name, and its catalogue entry last.

    Each request is a POST that leaves the same behind however often it arrives: the graph is emptied, its triples
    are put in by pieces, and they are counted; where an early request arrived late, so that some are missing, all
    is done again. The catalogue entry, with the digest, says that the graph is whole; a graph whose entry is there
    is left alone.

    Parameters
    ----------
    endpoint
        Where to.
    base
        Base IRI of the knowledge base, which names its catalogue.
    entry
        The graph's entry in the catalogue.
    triples
        Its content, without blank nodes.

    Returns
    -------
    bool
        False when the endpoint held it already.

    Raises
    ------
    DataError
        A triple has a blank node, which every request would make anew.
    NeurontologyError
        The endpoint refuses, does not answer, or loses triples.
    """
    content = list(dict.fromkeys(triples))
    if any(isinstance(node, BlankNode) for t in content for node in (t.subject, t.object)):
        raise DataError("the graph has blank nodes, which cannot be written twice without harm", where=entry.iri)
    graph, catalog = NamedNode(entry.iri), catalog_iri(base)
    described = [quad.triple for quad in entry.quads(catalog)]
    held = f"ASK {{ GRAPH {catalog} {{ {' . '.join(map(str, described))} }} }}"
    if _ask(endpoint, held) and _size(endpoint, graph) == len(content):
        return False
    for _ in range(ATTEMPTS):
        _update(endpoint, f"DROP SILENT GRAPH {graph}")
        _update(endpoint, f"DELETE WHERE {{ GRAPH {catalog} {{ {graph} ?p ?o }} }}")
        for piece in _pieces(content):
            _update(endpoint, _insertion(graph, piece))
        if _size(endpoint, graph) == len(content):
            _update(endpoint, _insertion(catalog, described))
            return True
        log.warning("%s holds another number of triples than was sent; sending them again", endpoint.update)
    raise NeurontologyError(
        f"the endpoint holds {_size(endpoint, graph)} of {len(content)} triples after {ATTEMPTS} attempts",
        where=endpoint.update,
        hint="look whether another program writes to the graph, or the endpoint limits its size",
    )


def _pieces(triples: Sequence[Triple]) -> Iterator[Sequence[Triple]]:
    return (triples[i : i + CHUNK] for i in range(0, len(triples), CHUNK))


def _insertion(graph: NamedNode, triples: Sequence[Triple]) -> str:
    return f"INSERT DATA {{ GRAPH {graph} {{ {' . '.join(map(str, triples))} }} }}"


def _ask(endpoint: Endpoint, query: str) -> bool:
    return bool(_send(endpoint, query, update=False)["boolean"])


def _size(endpoint: Endpoint, graph: NamedNode) -> int:
    answer = _send(endpoint, f"SELECT (COUNT(*) AS ?n) WHERE {{ GRAPH {graph} {{ ?s ?p ?o }} }}", update=False)
    return int(answer["results"]["bindings"][0]["n"]["value"])


def _update(endpoint: Endpoint, update: str) -> None:
    _send(endpoint, update, update=True)


def _send(endpoint: Endpoint, text: str, *, update: bool) -> Any:
    """Send one request by POST, again after a pause while the endpoint is unreachable, busy or broken."""
    from SPARQLWrapper import JSON, POST, SPARQLWrapper
    from SPARQLWrapper.SPARQLExceptions import EndPointInternalError, SPARQLWrapperException

    address = endpoint.update if update else endpoint.query
    client = SPARQLWrapper(endpoint.query, updateEndpoint=endpoint.update, agent=_AGENT)
    client.setMethod(POST)
    client.setReturnFormat(JSON)
    client.setTimeout(max(1, round(endpoint.timeout)))
    client.setQuery(text)
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(endpoint.pause * 2 ** (attempt - 1))
        try:
            result = client.query()
            try:
                return None if update else result.convert()
            finally:
                result.response.close()
        except (EndPointInternalError, URLError, TimeoutError, ConnectionError) as error:
            _close(error)
            if isinstance(error, HTTPError) and error.code < 500 and error.code not in _BUSY:
                raise _refused(address, error) from error
            problem: Exception = error
        except SPARQLWrapperException as error:
            _close(error)
            raise _refused(address, error) from error
    raise NeurontologyError(
        f"does not answer ({_first_line(problem)}), asked {ATTEMPTS} times",
        where=address,
        hint="check the address and whether the server runs; what was sent already does no harm to send again",
    ) from problem


def _close(error: BaseException) -> None:
    """Close the answer that an error holds, or the one that it was made from."""
    for holder in (error, error.__context__):
        if isinstance(holder, HTTPError):
            holder.close()


def _refused(address: str, error: Exception) -> NeurontologyError:
    return NeurontologyError(
        f"refuses the request ({_first_line(error)})",
        where=address,
        hint="check that it is the address of an update service that you may write to, and the preset",
    )


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
