"""A knowledge base as a SPARQL endpoint: Oxigraph's server, read-only, on this machine only."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import MissingDependencyError, NeurontologyError, UsageError
from .kb import KB

HOST = "127.0.0.1"
DEFAULT_PORT = 7878
_START_SECONDS = 30


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
def serve(kb: KB, port: int = DEFAULT_PORT, *, timeout_seconds: int = 60) -> Iterator[Server]:
    """Serve the knowledge base as it is now, until the context is left.

    The server reads a snapshot of the store (hard links, in a temporary directory beside it), because reading a
    store while another process writes to it is not safe for a long time; what is added later is not seen. Queries
    without ``FROM`` see the union of all named graphs. There is no update.

    Parameters
    ----------
    kb
        A knowledge base on disk.
    port
        TCP port on the loopback interface; 0 for a free one.
    timeout_seconds
        After this a query is given up.

    Raises
    ------
    UsageError
        The knowledge base is in memory, or the port is taken or not allowed.
    MissingDependencyError
        The server is not installed.
    NeurontologyError
        The server does not start.
    """
    program = _program()
    if kb.path is None:
        raise UsageError("a knowledge base in memory cannot be served", expected="a directory")
    port = _free_port(port)
    with tempfile.TemporaryDirectory(prefix=".serving-", dir=_place(kb.path)) as folder:
        snapshot = Path(folder) / "store"
        kb.store.backup(str(snapshot))
        command = [program, "serve-read-only", "--location", str(snapshot), "--bind", f"{HOST}:{port}"]
        command += ["--union-default-graph", "--timeout-s", str(timeout_seconds)]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _await(process, port, Path(folder) / "log")
            yield Server(f"http://{HOST}:{port}/", f"http://{HOST}:{port}/query", process)
        finally:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _program() -> str:
    scripts = sysconfig.get_path("scripts")
    found = shutil.which("oxigraph", path=scripts) or shutil.which("oxigraph")
    if found is None:
        raise MissingDependencyError(
            "serving needs Oxigraph's server, which is not installed", hint="run `pip install 'neurontology[server]'`"
        )
    return found


def _place(path: Path) -> Path | None:
    """Folder for the snapshot: the knowledge base's own, where hard links work, unless it is read-only."""
    try:
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError:
        return None


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"port {port} cannot be used ({error})", expected="a free port", hint="choose another with --port"
            ) from error
        return int(probe.getsockname()[1])


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        connection = http.client.HTTPConnection(HOST, port, timeout=1)
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
