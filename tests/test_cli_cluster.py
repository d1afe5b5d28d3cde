"""`label --cluster` and `activations --cluster`: the same files as without, and errors that say what to do."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask_processes
import numpy as np
import pytest

pytest.importorskip("distributed", reason="the extra cluster is not installed")
TBOX = """
@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Car rdfs:subClassOf :Vehicle . :Bus rdfs:subClassOf :Vehicle . :Tree rdfs:subClassOf :Plant .
"""
MODEL = """
import torch
def make():
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())
"""


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "neurontology", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def document(*arguments: object) -> Any:
    done = command(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dask_processes.cluster(tmp_path_factory.mktemp("dask")) as started:
        yield started.address


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = pytest.importorskip("PIL.Image", reason="the extra torch is not installed")
    folder = tmp_path_factory.mktemp("files")
    (folder / "toy.ttl").write_text(TBOX)
    (folder / "model.py").write_text(MODEL)
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    lines = ["image,object"]
    for i in range(24):
        image.fromarray(rng.integers(0, 256, (20, 20, 3), np.uint8)).save(folder / "images" / f"im{i}.png")
        lines += [f"im{i},{name}" for name in ("car", "bus", "tree") if rng.random() < 0.4 or i % 3 == 0]
    (folder / "objects.csv").write_text("\n".join(lines) + "\n")
    document("kb", "build", "owl", folder / "toy.ttl", "--out", folder / "kb")
    document("kb", "annotate", folder / "kb", "csv", folder / "objects.csv", "--name", "toy")
    return folder


def test_the_same_activations_and_labels_as_without(folder: Path, address: str, tmp_path: Path) -> None:
    found = {}
    for name, cluster in (("local", ()), ("far", ("--cluster", address))):
        record = document(
            *("activations", f"{folder / 'model.py'}:make", "--layer", "1", "--images", folder / "images"),
            *("--holdout", 0, "--out", tmp_path / f"acts-{name}", *cluster),
        )
        assert (record["images"], record["units"]) == (24, 4)
        shutil.copytree(folder / "kb", tmp_path / f"kb-{name}")
        found[name] = document(
            *("label", "--kb", tmp_path / f"kb-{name}", "--activations", tmp_path / f"acts-{name}"),
            *("--positive", 0.9, "--negative", 0.85, "--min-positives", 2, "--out", tmp_path / name, *cluster),
        )["units"]
    for file in ("activations.npy", "images.csv", "meta.json"):
        assert (tmp_path / "acts-far" / file).read_bytes() == (tmp_path / "acts-local" / file).read_bytes()
    for file in ("labels.json", "labels.csv", "fingerprints.json"):
        assert (tmp_path / "far" / file).read_bytes() == (tmp_path / "local" / file).read_bytes()
    runs = [json.loads((tmp_path / name / "run.json").read_text()) for name in ("local", "far")]
    assert runs[0]["digest"] == runs[1]["digest"]
    assert any(unit["solutions"] for unit in found["far"])
    for unit in (*found["local"], *found["far"]):
        unit.pop("elapsed_seconds")
    assert found["far"] == found["local"]


def test_an_update_induces_on_the_cluster_what_an_extension_touches(folder: Path, address: str, tmp_path: Path) -> None:
    (tmp_path / "more.ttl").write_text(
        "@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        "@prefix owl: <http://www.w3.org/2002/07/owl#> .\n"
        ":Rooted a owl:Class . :Tree rdfs:subClassOf :Rooted . :Bus rdfs:subClassOf :Rooted .\n"
    )
    shutil.copytree(folder / "kb", tmp_path / "kb")
    kb, acts = tmp_path / "kb", tmp_path / "acts"
    document(
        *("activations", f"{folder / 'model.py'}:make", "--layer", "1", "--images", folder / "images"),
        *("--holdout", 0, "--out", acts),
    )
    document(
        *("label", "--kb", kb, "--activations", acts, "--out", tmp_path / "first"),
        *("--positive", 0.9, "--negative", 0.85, "--min-positives", 2),
    )
    document("kb", "extend", kb, tmp_path / "more.ttl")
    update = ("label", "--update", tmp_path / "first")
    local, far = (
        document(*update, "--out", tmp_path / name, *cluster)
        for name, cluster in (("local", ()), ("far", ("--cluster", address)))
    )
    assert local["induced"] and local["induced"] == far["induced"]
    for file in ("labels.json", "labels.csv", "fingerprints.json"):
        assert (tmp_path / "far" / file).read_bytes() == (tmp_path / "local" / file).read_bytes()
    # Nothing is left to do, and nothing is asked of the cluster.
    assert (
        document("label", "--update", tmp_path / "far", "--out", tmp_path / "same", "--cluster", address)["induced"]
        == []
    )
    done = command(*update, "--out", tmp_path / "no", "--cluster", address, "--jobs", 2)
    assert (done.returncode, done.stdout) == (2, "") and "--jobs is not for --cluster" in done.stderr


def test_errors_of_a_cluster(folder: Path, tmp_path: Path) -> None:
    label = ("label", "--kb", folder / "kb", "--activations", tmp_path / "none", "--out", tmp_path / "run")
    for options, code, message in (
        (("--cluster", "tcp://127.0.0.1:9"), 1, "tcp://127.0.0.1:9: no scheduler can be reached"),
        (("--cluster", "somewhere"), 2, "such as tcp://host:8786"),
        (("--cluster", "tcp://127.0.0.1:9", "--jobs", 2), 2, "--jobs and --device are not for --cluster"),
        (("--cluster", "tcp://127.0.0.1:9", "--device", "torch:cpu"), 2, "--jobs and --device"),
    ):
        done = command(*label, *options)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
