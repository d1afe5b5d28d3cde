"""A Dask cluster: processes on other machines that take over tasks, and may come and go meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from ..ontology.errors import MissingDependencyError, NeurontologyError, UsageError

if TYPE_CHECKING:
    from distributed import Client, Future

Result = TypeVar("Result")

CONNECT_SECONDS = 10.0
PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 2.0
_SETUP = "install the same version of neurontology where the scheduler and the workers run"


class Cluster:
    """A connection to a cluster's scheduler, see :func:`connect`.

    Parameters
    ----------
    client
        The connection.
    address
        The scheduler's address.
    patience
        Seconds for which work waits for a worker when there is none.
    """

    def __init__(self, client: Client, address: str, patience: float) -> None:
        self._client = client
        self._address = address
        self._patience = patience

    @property
    def threads(self) -> int:
        """Threads of all workers that are there now, at least 1."""
        return max(1, sum(map(int, self._client.nthreads().values())))

    def in_order(
        self, function: Callable[..., Result], calls: Iterable[tuple[Any, ...]], *, ahead: int
    ) -> Iterator[Result]:
        """Call a function on the workers and yield its results in the order of the calls.

        A call whose worker is lost is made again on another one.

        Parameters
        ----------
        function
            A function of a module that the workers can import.
        calls
            Its arguments, for each call.
        ahead
            Calls that may be made before the result of the first one has been taken.

        Raises
        ------
        NeurontologyError
            There is no worker, the scheduler is lost, a call has cost several workers their lives, or the cluster
            cannot run the function.
        Exception
            What a call raises.
        """
        remaining = iter(calls)
        waiting: deque[Future[Any]] = deque()
        try:
            while True:
                while len(waiting) < ahead and (call := next(remaining, None)) is not None:
                    waiting.append(self._client.submit(function, *call, pure=False))
                if not waiting:
                    return
                yield self._result(waiting[0])
                waiting.popleft().release()
        finally:
            if waiting and self._client.status == "running":
                self._client.cancel(list(waiting))

    def everywhere(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function once on every worker there is now; one that is lost meanwhile is passed over."""
        self._client.run(function, *arguments, on_error="ignore")

    def _result(self, future: Future[Any]) -> Any:
        from concurrent.futures import CancelledError

        from distributed import KilledWorker, wait

        idle_since: float | None = None
        try:
            while not future.done():
                try:
                    with self._client.as_current():
                        wait([future], timeout=_POLL_SECONDS)
                except TimeoutError:
                    if self._client.nthreads():
                        idle_since = None
                        continue
                    idle_since = idle_since or monotonic()
                    if monotonic() - idle_since > self._patience:
                        raise NeurontologyError(
                            f"the cluster has had no worker for {self._patience:g} s",
                            where=self._address,
                            expected="workers that are connected to the scheduler",
                            hint="start some with `dask worker ADDRESS`",
                        ) from None
            return future.result()
        except KilledWorker as error:
            raise NeurontologyError(
                f"a task was given up because the workers that had it died ({error})",
                where=self._address,
                hint="look into the workers' logs; most often memory was short, see docs/scale.md",
            ) from error
        except (CancelledError, OSError) as error:
            if self._client.status == "running" and not isinstance(error, CancelledError):
                raise
            raise NeurontologyError(
                "the connection to the scheduler was lost", where=self._address, hint="run the command again"
            ) from error
        except (ImportError, RuntimeError) as error:
            if isinstance(error, MissingDependencyError) or not _is_setup(error):
                raise
            raise NeurontologyError(
                f"the cluster cannot run the task: {error}", where=self._address, hint=_SETUP
            ) from error


@contextmanager
def connect(address: str, *, timeout: float = CONNECT_SECONDS, patience: float = PATIENCE_SECONDS) -> Iterator[Cluster]:
    """Connect to a scheduler.

    Parameters
    ----------
    address
        Such as ``tcp://host:8786``.
    timeout
        Seconds after which an attempt to connect is given up.
    patience
        As for :class:`Cluster`.

    Raises
    ------
    MissingDependencyError
        Dask is not installed.
    UsageError
        The address is none.
    NeurontologyError
        Nobody answers there.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingDependencyError(
            "a cluster needs Dask", hint="install it with pip install 'neurontology[cluster]'"
        ) from error
    scheme, separator, host = address.partition("://")
    if not (scheme and separator and host.rpartition(":")[2].isdigit()):
        raise UsageError(f"{address!r} is no address of a scheduler", expected="such as tcp://host:8786")
    try:
        client = Client(address, timeout=timeout, set_as_default=False)
    except (OSError, ValueError) as error:
        raise NeurontologyError(
            "no scheduler can be reached",
            where=address,
            expected="the address that `dask scheduler` prints",
            hint=f"is it running, and does nothing stand in between? ({str(error).splitlines()[0]})",
        ) from error
    try:
        yield Cluster(client, address, patience)
    finally:
        client.close()


def _is_setup(error: Exception) -> bool:
    """Whether a task failed because code is missing or differs on the cluster."""
    if isinstance(error, ModuleNotFoundError):
        return (error.name or "").partition(".")[0] == "neurontology"
    return "deserialization" in str(error)
