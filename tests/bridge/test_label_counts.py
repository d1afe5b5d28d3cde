"""Units are labelled the same however their atoms are counted: in blocks, one by one, on any device, by any threads."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from neurontology.bridge import labelling
from neurontology.bridge.activations import Activations
from neurontology.bridge.example_rules import Thresholds
from neurontology.bridge.labelling import LayerProblems, UnitLabel, join_images, label_units
from neurontology.ontology.errors import UsageError
from neurontology.ontology.kb import KB
from neurontology.reasoner.counting import resolve_device
from neurontology.reasoner.learning import InductionOptions

UNITS = [4, 0, 1, 2, 3, 1]


@pytest.fixture(scope="module")
def loop(small_loop: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Activations]:
    folder = tmp_path_factory.mktemp("counts")
    small_loop.write_kb(folder)
    return folder, small_loop.write_activations(folder)


def timeless(labels: list[UnitLabel]) -> list[UnitLabel]:
    return [
        label if label.induction is None else replace(label, induction=replace(label.induction, elapsed_seconds=0.0))
        for label in labels
    ]


@pytest.mark.parametrize("score", ["f1", "auroc"])
def test_blocks_devices_and_threads_change_nothing(
    loop: tuple[Path, Activations], monkeypatch: pytest.MonkeyPatch, score: str
) -> None:
    folder, activations = loop
    joined = join_images(KB.open(folder / "kb"), activations)
    options = InductionOptions(score=score, permutations=5 if score == "f1" else 0)
    layer = LayerProblems(joined, activations, Thresholds(), options)
    expected = timeless([layer.label(unit) for unit in UNITS])
    assert [label.unit for label in expected] == UNITS
    assert any(label.induction for label in expected)
    for block in (1, 4, 256):
        monkeypatch.setattr(labelling, "BLOCK", block)
        for jobs in (1, 3):
            seen: list[int] = []
            found = label_units(
                joined,
                activations,
                units=UNITS,
                options=options,
                jobs=jobs,
                progress=lambda done, total, proved, seen=seen: seen.append(done),
            )
            assert timeless(found) == expected
            assert seen == [1, 2, 3, 4, 5, 6]
    pytest.importorskip("torch", reason="the extra torch is not installed").set_num_threads(1)
    by_torch = label_units(joined, activations, units=UNITS, options=options, counter=resolve_device("torch:cpu"))
    assert timeless(by_torch) == expected


def test_ecii_is_refused_before_atoms_are_formed(
    loop: tuple[Path, Activations], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, activations = loop
    joined = join_images(KB.open(folder / "kb"), activations)
    monkeypatch.setattr(labelling, "enumerate_atoms", None)
    with pytest.raises(UsageError, match="ECII mode"):
        label_units(joined, activations, options=InductionOptions(strategy="ecii"))


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "neurontology", "label", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
    )


def test_the_command_refuses_strategy_and_device_before_it_opens_anything(tmp_path: Path) -> None:
    common = ("--kb", tmp_path / "none", "--activations", tmp_path / "none", "--out", tmp_path / "run")
    for options, message in (
        (("--strategy", "ecii"), "units are not labelled in ECII mode; expected the strategy exact, beam or ripple"),
        (("--device", "quantum"), "there is no device 'quantum'"),
    ):
        done = command(*common, *options)
        assert done.returncode == 2
        assert message in " ".join(done.stderr.split())


def test_the_command_labels_the_same_on_another_device(loop: tuple[Path, Activations], tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra torch is not installed")
    folder, activations = loop
    records = []
    for device in ("cpu", "torch:cpu"):
        out = tmp_path / device.replace(":", "-")
        done = command(
            *("--kb", folder / "kb", "--activations", activations.path),
            *("--device", device, "--out", out, "--json"),
        )
        assert done.returncode == 0, done.stderr
        units = json.loads(done.stdout)["units"]
        records.append([{k: v for k, v in unit.items() if k != "elapsed_seconds"} for unit in units])
    assert records[0] == records[1]
    assert any(unit["solutions"] for unit in records[0])
