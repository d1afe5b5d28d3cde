"""The commands sweep and compare, run for real."""

import csv
import html
from pathlib import Path

import numpy as np
import pytest
from command_line import answer, run


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """A knowledge base and activations in the formats that users have."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "o.ttl").write_text(
        "@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        ":Bus rdfs:subClassOf :Vehicle . :Sky rdfs:subClassOf :Nature . :Dog rdfs:subClassOf :Animal .\n"
    )
    scenes, rng = folder / "scenes", np.random.default_rng(2)
    scenes.mkdir()
    with (folder / "acts.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([0, 1, "Class_names", "Filenames"])
        for i in range(60):
            names = [name for name in ("bus", "sky", "dog") if rng.random() < 0.5]
            (scenes / f"im{i}_atr.txt").write_text(
                "".join(f'{k:03} # 0 # 0 # {name} # {name} # ""\n' for k, name in enumerate(names, 1))
            )
            values = (6 * ("bus" in names) + 4 * rng.random(), 5 * ("sky" in names) + 5 * rng.random())
            writer.writerow([*(round(v, 3) for v in values), "scene", f"im{i}.jpg"])
    for command in (
        ["kb", "build", "owl", folder / "o.ttl", "--out", folder / "kb"],
        ["kb", "annotate", folder / "kb", "ade20k", scenes],
        ["activations", "import", folder / "acts.csv", "--out", folder / "acts"],
    ):
        result = run(*command)
        assert result.returncode == 0, result.stderr
    return folder


def test_sweep_then_compare_two_of_its_runs(inputs: Path, tmp_path: Path) -> None:
    out, plot = tmp_path / "sweep", tmp_path / "sweep.svg"
    swept = answer(
        "sweep", inputs / "kb", inputs / "acts", "--out", out, "--settings", "70/30,top8/15", "--responses", 2,
        "--plot", plot,
    )  # fmt: skip
    assert [(s["setting"], s["units"]) for s in swept["settings"]] == [("70/30", 2), ("top8/15", 2)]
    assert [r["combination"] for r in swept["settings"][0]["responses"]] == ["single", "or", "and", "weighted"]
    assert plot.read_text().lstrip().startswith("<?xml")
    assert {path.name for path in out.iterdir()} == {"70-30", "top8-15", "sweep.json"}

    compared = answer("compare", out / "70-30", out / "top8-15")
    assert compared["same_layer"] is True
    assert [u["unit"] for u in compared["units"]] == [0, 1]
    # The sweep has verified both runs.
    assert all(u["first_verdict"] and u["second_verdict"] for u in compared["units"])
    assert compared["first"]["auc_median"] == swept["settings"][0]["auc_median"]
    shown = run("compare", out / "70-30", out / "top8-15", "--kb", inputs / "kb")
    assert (shown.returncode, "labels: " in shown.stdout, "rule" in shown.stdout) == (0, True, True)

    paged = answer("compare", out / "70-30", out / "top8-15", "--out", tmp_path / "compared")
    assert paged["page"] == str(tmp_path / "compared" / "index.html")
    text = (tmp_path / "compared" / "index.html").read_text()
    assert all(html.escape(u["first"]) in text for u in compared["units"] if u["first"])

    # What a sweep leaves are runs like any other: the report says how their examples were chosen.
    page = tmp_path / "page"
    assert run("report", out / "top8-15", "--out", page).returncode == 0
    assert "positive the 8 most, negative the 15 least exciting images" in next(page.glob("*.html")).read_text()


def test_sweep_prints_tables(inputs: Path, tmp_path: Path) -> None:
    shown = run("sweep", inputs / "kb", inputs / "acts", "--out", tmp_path / "s", "--settings", "80/20", "--units", 0)
    assert shown.returncode == 0, shown.stderr
    assert "units tested under every setting (1)" in " ".join(shown.stdout.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--settings", "20/80"], "'20/80' defines no example sets"),
        (["--plot", "x.doc"], "is no name of a plot"),
        (["--responses", "9"], "--responses"),
        (["--units", "7"], "there is no unit 7"),
    ],
)
def test_wrong_calls_are_refused(inputs: Path, tmp_path: Path, options: list[str], message: str) -> None:
    result = run("sweep", inputs / "kb", inputs / "acts", "--out", tmp_path / "s", *options)
    assert (result.returncode, message in result.stderr) == (2, True), result.stderr
    assert not (tmp_path / "s").exists()


def test_compare_needs_runs(inputs: Path, tmp_path: Path) -> None:
    result = run("compare", inputs / "kb", inputs / "kb")
    assert (result.returncode, "is not a labelling run" in result.stderr) == (2, True)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    result = run("compare", tmp_path / "run", tmp_path / "run")
    assert (result.returncode, "broken run (labels.json is missing)" in result.stderr) == (1, True)
    (tmp_path / "run" / "labels.json").write_text('{"units": []}')
    result = run("compare", tmp_path / "run", tmp_path / "run")
    assert (result.returncode, "is a broken run (no 'config')" in result.stderr) == (1, True), result.stderr


def test_units_of_runs_are_compared_as_they_are_asked_for(inputs: Path, tmp_path: Path) -> None:
    for name, units in (("some", ["--units", "0,1"]), ("all", ["--score", "iou"])):
        made = run("label", "--kb", inputs / "kb", "--activations", inputs / "acts", "--out", tmp_path / name, *units)
        assert made.returncode == 0, made.stderr
    shown = run("compare", tmp_path / "some", tmp_path / "all").stdout
    (line,) = [line.split() for line in shown.splitlines() if line.startswith("units ") and "all" in line]
    assert line == ["units", "0,1", "all"]
    three = run("compare", tmp_path / "some", tmp_path / "all", tmp_path / "some", "--out", tmp_path / "page")
    assert (three.returncode, "--out shows two runs" in three.stderr) == (2, True)
    taken = run("compare", tmp_path / "some", tmp_path / "all", "--out", tmp_path / "some")
    assert (taken.returncode, "exists already" in taken.stderr) == (2, True)
