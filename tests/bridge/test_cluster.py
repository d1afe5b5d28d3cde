"""Labels and activations from a cluster are those of one machine, also when workers die."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import dask_processes
import numpy as np
import pytest
from neurontology.bridge import cluster_tasks
from neurontology.bridge.activations import Activations, extract
from neurontology.bridge.cluster import Cluster, connect
from neurontology.bridge.cluster_tasks import ClusterForward, ClusterLabels
from neurontology.bridge.example_rules import Thresholds
from neurontology.bridge.labelling import UnitLabel, join_images, label_units
from neurontology.bridge.run import save_run
from neurontology.ontology.errors import DataError, NeurontologyError, UsageError
from neurontology.ontology.kb import KB
from neurontology.reasoner.learning import InductionOptions

distributed = pytest.importorskip("distributed", reason="the extra cluster is not installed")
UNITS = [4, 0, 1, 2, 3, 1] * 6
SLOW = InductionOptions(permutations=60)
MODEL = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.stem, self.norm = torch.nn.Conv2d(3, 3, 1), torch.nn.BatchNorm2d(3)
        self.norm.running_mean.uniform_()
        self.layer = torch.nn.Conv2d(3, 4, 3)
    def forward(self, x):
        return self.layer(self.norm(self.stem(x)))
def make():
    return Net()
def other():
    torch.manual_seed(4)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
"""


@pytest.fixture(scope="module")
def loop(small_loop: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[KB, Activations]:
    folder = tmp_path_factory.mktemp("cluster")
    small_loop.write_kb(folder)
    return KB.open(folder / "kb"), small_loop.write_activations(folder)


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dask_processes.Processes]:
    with dask_processes.cluster(tmp_path_factory.mktemp("dask")) as started:
        yield started


@pytest.fixture
def two_workers(processes: dask_processes.Processes) -> Iterator[Cluster]:
    """A connection while there are two workers; a killed one is replaced."""
    processes.keep_workers(2)
    with distributed.Client(processes.address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=dask_processes.START_SECONDS)
    with connect(processes.address) as connected:
        yield connected


def hold_tasks(client: Any, hold: Path) -> None:
    """Let each worker do one task, and keep the next until the file is gone: how fast they are decides nothing."""

    def install(file: str) -> None:  # goes to the workers as it stands, which do not have this module
        import time
        from pathlib import Path
        from typing import Any

        from neurontology.bridge.activations import Forward
        from neurontology.bridge.labelling import Threads

        def held(method: Any) -> Any:
            calls = []

            def waiting(*arguments: Any) -> Any:
                calls.append(arguments)
                while len(calls) > 1 and Path(file).exists():
                    time.sleep(0.01)
                return method(*arguments)

            return waiting

        for kind, name in ((Forward, "run"), (Threads, "labels")):
            setattr(kind, name, held(getattr(kind, name)))

    hold.touch()
    assert len(client.run(install, str(hold))) == 2


@pytest.fixture
def kill_busy_worker(
    processes: dask_processes.Processes, two_workers: Cluster, tmp_path: Path
) -> Iterator[Callable[[], None]]:
    """What kills a worker that has tasks, with what they had found so far, and lets the other go on."""
    hold = tmp_path / "hold"
    with distributed.Client(processes.address, set_as_default=False) as client:
        pids = client.run(os.getpid)
        assert len(pids) == 2
        hold_tasks(client, hold)

        def kill() -> None:
            busy = [worker for worker, tasks in client.processing().items() if tasks]
            assert busy, "the run was over before a worker could be killed"
            os.kill(pids[busy[-1]], signal.SIGKILL)
            hold.unlink()

        try:
            yield kill
            assert not hold.exists(), "no worker was killed"
        finally:
            hold.unlink(missing_ok=True)


def timeless(labels: list[UnitLabel]) -> list[UnitLabel]:
    return [
        label if label.induction is None else replace(label, induction=replace(label.induction, elapsed_seconds=0.0))
        for label in labels
    ]


def test_a_worker_dies_while_units_are_labelled(
    loop: tuple[KB, Activations], two_workers: Cluster, kill_busy_worker: Callable[[], None], tmp_path: Path
) -> None:
    kb, activations = loop
    joined = join_images(kb, activations)
    shared = tmp_path / "shared"
    shared.mkdir()
    seen: list[int] = []

    def progress(done: int, total: int, proved: int) -> None:
        if not seen:
            kill_busy_worker()
        seen.append(done)

    found = label_units(
        joined,
        activations,
        units=UNITS,
        options=SLOW,
        progress=progress,
        executor=ClusterLabels(two_workers, shared),
    )
    assert seen == list(range(1, len(UNITS) + 1))
    assert not list(shared.iterdir())
    local = label_units(joined, activations, units=UNITS, options=SLOW)
    assert timeless(found) == timeless(local)
    for name, labels in (("local", local), ("far", found)):
        save_run(
            tmp_path / name,
            kb,
            activations,
            joined,
            labels,
            units=UNITS,
            thresholds=Thresholds(),
            options=SLOW,
            started=datetime(2024, 1, 1, tzinfo=UTC),
            elapsed_seconds=1.0,
        )
    for file in ("run.json", "labels.json", "labels.csv", "fingerprints.json"):
        assert (tmp_path / "far" / file).read_bytes() == (tmp_path / "local" / file).read_bytes()


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = pytest.importorskip("PIL.Image", reason="the extra torch is not installed")
    pytest.importorskip("torch", reason="the extra torch is not installed").set_num_threads(1)
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(1)
    for i in range(30):
        image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8)).save(folder / f"im{i:02}.png")
    (folder / "model.py").write_text(MODEL)
    return folder


def test_a_worker_dies_while_photographs_go_through_the_network(
    photographs: Path,
    two_workers: Cluster,
    kill_busy_worker: Callable[[], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster_tasks, "SHARD", 3)
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        if not seen:
            kill_busy_worker()
        seen.append((done, total))

    spec = f"{photographs / 'model.py'}:make"
    executor = ClusterForward(two_workers)
    for name, arguments in (("local", {}), ("far", {"progress": progress, "executor": executor})):
        extract(spec, "layer", photographs, out=tmp_path / name, batch_size=2, **arguments)  # type: ignore[arg-type]
    assert seen == [(done, 30) for done in range(2, 31, 2)]
    for file in ("activations.npy", "images.csv", "meta.json"):
        assert (tmp_path / "far" / file).read_bytes() == (tmp_path / "local" / file).read_bytes()


def test_bad_photographs_are_named_or_skipped_as_on_one_machine(
    photographs: Path, two_workers: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_tasks, "SHARD", 4)
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in sorted(photographs.glob("*.png"))[:9]:
        data = path.read_bytes()
        # The ends of the files are sound: only decoding shows the damage.
        hole = data[:300] + bytes(200) + data[500:] if path.stem in {"im01", "im08"} else data
        (broken / path.name).write_bytes(hole)
    spec, executor = f"{photographs / 'model.py'}:make", ClusterForward(two_workers)
    with pytest.raises(DataError, match=r"2 unusable images: im01\.png .*; im08\.png"):
        extract(spec, "layer", broken, out=tmp_path / "far", batch_size=4, executor=executor)
    assert not (tmp_path / "far").exists()
    extract(spec, "layer", broken, out=tmp_path / "far", batch_size=4, skip_bad=True, executor=executor)
    extract(spec, "layer", broken, out=tmp_path / "local", batch_size=4, skip_bad=True)
    for file in ("activations.npy", "images.csv", "meta.json"):
        assert (tmp_path / "far" / file).read_bytes() == (tmp_path / "local" / file).read_bytes()


def test_a_worker_that_sees_something_else_is_an_error(photographs: Path, tmp_path: Path) -> None:
    from neurontology.bridge.cluster_tasks import ForwardTask, run_forward
    from neurontology.bridge.images import ImageSet
    from neurontology.bridge.models import load_model

    records = ImageSet.find(photographs).records[:1]
    loaded = load_model(f"{photographs / 'model.py'}:make")
    settings = {
        "layers": ("layer",),
        "reduce": "max",
        "batch_size": 1,
        "device": "cpu",
        "skip_bad": False,
        "workers": 1,
    }
    task = ForwardTask(loaded.name, loaded.weights_sha256, dict(loaded.transform_info), settings)
    assert run_forward(task, records).values[0].shape == (1, 4)
    with pytest.raises(DataError, match="other weights"):
        run_forward(replace(task, spec=f"{photographs / 'model.py'}:other"), records)
    with pytest.raises(DataError, match="another photograph"):
        run_forward(task, [replace(records[0], sha256="0" * 64)])
    with pytest.raises(UsageError, match=f"worker on {socket.gethostname()} does not see the photograph"):
        run_forward(task, [replace(records[0], path=tmp_path / "elsewhere.png")])


def test_what_workers_do_not_see_is_an_error_that_names_host_and_path(two_workers: Cluster, tmp_path: Path) -> None:
    calls = [(str(tmp_path / "only-here"), [0])]
    with pytest.raises(UsageError, match=f"worker on {socket.gethostname()} does not see.*all workers share") as error:
        list(two_workers.in_order(cluster_tasks.label_stored, calls, ahead=1))
    assert "only-here" in str(error.value)


def test_a_model_in_memory_is_refused(photographs: Path, two_workers: Cluster, tmp_path: Path) -> None:
    from neurontology.bridge.models import load_model

    loaded = load_model(f"{photographs / 'model.py'}:make")
    with pytest.raises(UsageError, match="model in memory"):
        extract(loaded, "layer", photographs, out=tmp_path / "far", executor=ClusterForward(two_workers))


def test_no_scheduler_and_no_address() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    with pytest.raises(NeurontologyError, match=f"{address}: no scheduler can be reached"), connect(address, timeout=1):
        pass
    for wrong in ("localhost:8786", "tcp://localhost", "tcp://:x"):
        with pytest.raises(UsageError, match="no address of a scheduler"), connect(wrong):
            pass


def test_a_cluster_without_workers_and_a_lost_scheduler(tmp_path: Path) -> None:
    with dask_processes.cluster(tmp_path, workers=0) as started, connect(started.address, patience=0.1) as connected:
        with pytest.raises(NeurontologyError, match="has had no worker"):
            list(connected.in_order(abs, [(1,)], ahead=1))
        started.scheduler.kill()
        with pytest.raises(NeurontologyError, match="connection to the scheduler was lost"):
            list(connected.in_order(abs, [(2,)], ahead=1))


def test_results_come_in_order_and_few_are_asked_for_ahead(two_workers: Cluster) -> None:
    asked: list[int] = []

    def calls() -> Iterator[tuple[int]]:
        for number in range(-20, 0):
            asked.append(number)
            yield (number,)

    results = two_workers.in_order(abs, calls(), ahead=3)
    assert next(results) == 20
    assert len(asked) == 3
    assert list(results) == list(range(19, 0, -1))
