"""A recorded run on a remote SPARQL endpoint."""

from __future__ import annotations

from pyoxigraph import NamedNode

from ..ontology.endpoint import Endpoint, push_graph
from ..ontology.errors import UsageError
from ..ontology.kb import KB
from .recording import run_name, verdicts_name
from .run import Run


def push_run(kb: KB, run: Run, endpoint: Endpoint) -> dict[str, bool]:
    """Write the graphs of a run, its labels and, where there are any, its verdicts, to an endpoint.

    Returns
    -------
    dict
        For each graph's IRI whether it was written; False where the endpoint held it already.

    Raises
    ------
    UsageError
        The knowledge base does not record the run.
    NeurontologyError
        The endpoint refuses, does not answer, or loses triples.
    """
    names = (run_name(run), verdicts_name(run))
    entries = [e for e in kb.entries if e.kind == "run" and e.name in names]
    if not entries:
        raise UsageError(
            "the run is not recorded in this knowledge base", where=kb.path, expected=f"a graph run/{run_name(run)}"
        )
    written = {}
    for entry in entries:
        graph = NamedNode(entry.iri)
        triples = (quad.triple for quad in kb.store.quads_for_pattern(None, None, None, graph))
        written[entry.iri] = push_graph(endpoint, kb.base, entry, triples)
    return written
