"""A knowledge base as a SPARQL endpoint: Oxigraph's server, read-only, on this machine unless a token guards it.

Before it stands a gate of ours, which rewrites questions about subtrees as :mod:`.sparql` does for local ones.
"""

from __future__ import annotations

import ctypes
import fcntl
import http.client
import ipaddress
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from pyoxigraph import NamedNode, Store

from .catalog import catalog_iri
from .dataset import Dataset, named_dataset
from .errors import MissingDependencyError, NeurontologyError, UsageError
from .gate import gate
from .kb import KB
from .merge import is_in_place
from .subclasses import SubclassClosure, Term
from .subtree import MANY, expand_subtrees, without_functions
from .vocabulary import PREFIXES

HOST = "127.0.0.1"
DEFAULT_PORT = 7878
_START_SECONDS = 30
_LISTED = 1_000
"""Sub-classes that are listed without a look at which of them the data name."""
_SCANNED = 200_000
"""Statements of one property up to which its subjects or objects are read for that."""
_SNAPSHOT = ".serving-"
_DEATH_SIGNAL = 1
"""``PR_SET_PDEATHSIG`` of prctl(2)."""


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes
    ----------
    url
        Its page for people.
    query
        The endpoint for queries.
    process
        The process.
    """

    url: str
    query: str
    process: subprocess.Popen[bytes]

    def wait(self) -> int:
        """Wait until the server ends; its exit status."""
        return self.process.wait()


@contextmanager
def serve(
    kb: KB,
    port: int = DEFAULT_PORT,
    *,
    host: str = HOST,
    token: str | None = None,
    timeout_seconds: int = 60,
) -> Iterator[Server]:
    """Serve the knowledge base as it is now, until the context is left.

    The server reads a snapshot of the store (hard links, in a temporary directory beside it), because reading a
    store while another process writes to it is not safe for a long time; what is added later is not seen. Queries
    without a dataset of their own see the merge of all named graphs (:mod:`.merge`). In one with several ``FROM``, a
    triple counts once for each of its graphs: Oxigraph does not merge them. There is no update. The server itself is
    on loopback; the gate before it (:mod:`.gate`) says which graphs to read, lists the sub-classes of paths of
    ``rdfs:subClassOf`` (:mod:`.subtree`), up to :data:`.subtree.MANY`, and knows ``nl:under`` and the usual prefixes.
    Snapshots that a server left behind when it was killed are removed.

    Parameters
    ----------
    kb
        A knowledge base on disk.
    port
        TCP port; 0 for a free one.
    host
        Address to listen on. Everything but loopback needs a token.
    token
        With a token the gate lets only requests with the token through (``Authorization: Bearer TOKEN``; browsers
        ask for it as a password, with any user name).
    timeout_seconds
        After this a query is given up.

    Raises
    ------
    UsageError
        The knowledge base is in memory, the host is not loopback and there is no token, or the port is taken
        or not allowed.
    MissingDependencyError
        The server is not installed.
    NeurontologyError
        The server does not start.
    """
    program = _program()
    if kb.path is None:
        raise UsageError("a knowledge base in memory cannot be served", expected="a directory")
    if token is None and not _is_loopback(host):
        raise UsageError(
            "serving beyond this machine needs a token",
            where=host,
            hint="choose one with --token or the environment variable NEURONTOLOGY_TOKEN",
        )
    if token is not None and not (token.isascii() and token.isprintable() and token.strip() == token != ""):
        raise UsageError("the token is empty or holds other than printable ASCII characters", where="--token")
    port = _free_port(host, port)
    inner, inner_port = HOST, _free_port(HOST, 0)
    with ExitStack() as stack:
        folder, lock = stack.enter_context(_snapshot_folder(_place(kb.path)))
        snapshot = folder / "store"
        kb.store.backup(str(snapshot))
        merged = NamedNode(f"{kb.base}merged")
        _name_the_unnamed_graph(snapshot, merged)
        command = [program, "serve-read-only", "--location", str(snapshot)]
        command += ["--bind", f"{_in_address(inner)}:{inner_port}", "--union-default-graph"]
        command += ["--timeout-s", str(timeout_seconds)]
        with (folder / "log").open("wb") as log:
            # With the lock, so that the folder is taken for a left one only when the server has ended, too.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                preexec_fn=_end_with_parent(),
            )
        stack.callback(_stop, process)
        _await(process, inner, inner_port, folder / "log")
        frozen = KB(Store.read_only(str(snapshot)), path=kb.path, base=kb.base, writable=False)
        rewrite = _rewriter(frozen, merged)
        pass_on = gate((host, port), (inner, inner_port), token, rewrite=rewrite, timeout_seconds=timeout_seconds)
        stack.enter_context(pass_on)
        shown = f"http://{_in_address(host)}:{port}/"
        yield Server(shown, f"{shown}query", process)


def _name_the_unnamed_graph(snapshot: Path, name: NamedNode) -> None:
    """Give the unnamed graph of a snapshot a name, by which requests can ask for it."""
    store = Store(str(snapshot))
    store.update(f"COPY DEFAULT TO {name}")
    store.flush()


def _rewriter(kb: KB, merged: NamedNode) -> Callable[[str], tuple[str, Dataset]]:
    """What makes of a query one that the server answers quickly and rightly, without our functions and prefixes.

    Parameters
    ----------
    kb
        The snapshot that is served: it never changes, so that what was read once is remembered.
    merged
        Name of the graph in it that was the store's unnamed graph.
    """
    all_graphs = Dataset(
        (merged.value, *(entry.iri for entry in kb.entries if is_in_place(entry))),
        (catalog_iri(kb.base).value, *(entry.iri for entry in kb.entries)),
    )
    closure = SubclassClosure.of(kb)
    lock = threading.Lock()

    @cache
    def ends(predicate: NamedNode, objects: bool) -> list[Term] | None:
        found = islice(kb.store.quads_for_pattern(None, predicate, None, None), _SCANNED + 1)
        terms = [quad.object if objects else quad.subject for quad in found]
        return list(dict.fromkeys(terms)) if len(terms) <= _SCANNED else None

    def rewrite(query: str) -> tuple[str, Dataset]:
        plain = without_functions(query, prefixes=PREFIXES)
        with lock:
            listed = expand_subtrees(plain, lambda: closure, prefixes=PREFIXES, limits=(_LISTED, MANY), candidates=ends)
        used = [p for p in PREFIXES if re.search(rf"\b{p}:", listed) and not re.search(rf"\b{p}:\s*<", listed)]
        declared = "".join(f"PREFIX {p}: <{PREFIXES[p]}> " for p in used)
        return declared + listed, named_dataset(query, PREFIXES) or all_graphs

    return rewrite


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_with_parent() -> Callable[[], None] | None:
    """What makes a child end when this process is killed and cannot clean up; Linux only.

    The signal comes when the *thread* ends that made the child, so it is of use in the main thread only.
    """
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return lambda: prctl(_DEATH_SIGNAL, signal.SIGTERM)


@contextmanager
def _snapshot_folder(place: Path) -> Iterator[tuple[Path, int]]:
    """Give a new folder and the file descriptor that locks it; folders that nobody holds any more are removed."""
    for left in place.glob(f"{_SNAPSHOT}*"):
        with _locked(left) as lock:
            if lock is not None:
                shutil.rmtree(left, ignore_errors=True)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_SNAPSHOT, dir=place))
        with _locked(folder) as lock:
            # Another process may have taken it for a left one before it was locked.
            if lock is not None and folder.is_dir():
                try:
                    yield folder, lock
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
                return


@contextmanager
def _locked(folder: Path) -> Iterator[int | None]:
    """Lock a folder without waiting: the descriptor, or None. The lock goes with the process, however it ends."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _program() -> str:
    scripts = sysconfig.get_path("scripts")
    found = shutil.which("oxigraph", path=scripts) or shutil.which("oxigraph")
    if found is None:
        raise MissingDependencyError(
            "serving needs Oxigraph's server, which is not installed", hint="run `pip install 'neurontology[server]'`"
        )
    return found


def _place(path: Path) -> Path:
    """Folder for the snapshot: the knowledge base's own, where hard links work, unless it is read-only."""
    try:
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError:
        return Path(tempfile.gettempdir())


def _free_port(host: str, port: int) -> int:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"port {port} of {host} cannot be used ({error})",
            expected="a free port of an address of this machine",
            hint="choose another with --port",
        ) from error


def _await(process: subprocess.Popen[bytes], host: str, port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        connection = http.client.HTTPConnection(host, port, timeout=1)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise NeurontologyError(f"the server did not start ({said[-1] if said else 'it said nothing'})")
