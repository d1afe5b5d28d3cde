"""A real Dask cluster: a scheduler and workers, each a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60


class Processes:
    """A scheduler and its workers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        self._started: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--idle-timeout", "300 s")
        self.address = ""

    def wait_for_scheduler(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.address:
            assert self.scheduler.poll() is None and time.monotonic() < deadline, self.log
            time.sleep(0.05)
            text = self._file.read_text() if self._file.exists() else ""
            # It is written piece by piece.
            if text.endswith("}"):
                self.address = json.loads(text)["address"]

    def keep_workers(self, number: int) -> None:
        """Start as many workers as it takes to have so many alive."""
        alive = sum(process.poll() is None for process in self._started if process is not self.scheduler)
        for _ in range(alive, number):
            self._start(
                *("dask_worker", "--no-nanny", "--nthreads", "1", "--memory-limit", "0", "--death-timeout", "60"),
                *("--local-directory", str(self._folder)),
            )

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    def stop(self) -> None:
        for process in reversed(self._started):
            process.kill()
            process.wait()

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", f"distributed.cli.{program}", *arguments),
                    *("--no-dashboard", "--scheduler-file", str(self._file)),
                ],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        self._started.append(process)
        return process


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[Processes]:
    """Start a scheduler and workers, which end with the block."""
    processes = Processes(folder)
    try:
        processes.wait_for_scheduler()
        processes.keep_workers(workers)
        yield processes
    finally:
        processes.stop()
