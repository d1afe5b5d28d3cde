"""The commands verify and verify-table with their options, run for real."""

import csv
from pathlib import Path

import numpy as np
import pytest
from command_line import answer, run

KEYS = {"unit", "label", "u", "z", "p", "auc", "p_holm", "verdict", "test", "interval", "error_margins", "reasons"}


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(4)
    for unit, concept in enumerate(("lamp", "cat", "road")):
        with (folder / f"neuron_{unit}_x.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([0, 1, 2, "Class_names", "Filenames"])
            for i in range(12):
                values = rng.exponential(size=3)
                values[unit] += 2 * (unit != 2)
                writer.writerow([*values.round(4), concept, f"{concept}{i}.jpg"])
    return folder


def test_every_option_of_the_test_is_said_beside_its_numbers(tables: Path) -> None:
    plain = answer("verify-table", tables)
    assert [row["unit"] for row in plain["rows"]] == [0, 1, 2]
    assert all(set(row) >= KEYS and row["test"] == "one-sided asymptotic" for row in plain["rows"])
    other = answer(
        "verify-table", tables, "--variant", "two-sided", "--method", "auto", "--tie-correction",
        "--interval", "bootstrap", "--gate", 50, "--threshold", "20%",
    )  # fmt: skip
    first = other["rows"][0]
    assert (first["test"], first["interval"]) == ("two-sided exact", "bootstrap 95 %, 2000 resamples")
    assert first["threshold"] == pytest.approx(0.2 * first["maximum"])
    assert other["settings"]["gate"] == 50
    assert first["p"] != plain["rows"][0]["p"]
    assert first["u"] == plain["rows"][0]["u"]


def test_reasons_lead_to_the_verdict(tables: Path) -> None:
    for row in answer("verify-table", tables)["rows"]:
        text = " ".join(row["reasons"])
        assert f"Gate {'passed' if row['gate'] else 'failed'}" in text
        assert f"Base rate {'passed' if row['base_rate'] else 'failed'}" in text
        assert "\u00a0" not in text


def test_matrix_as_a_table_json_and_csv(tables: Path, tmp_path: Path) -> None:
    cells = answer("verify-table", tables, "--matrix", "--csv", tmp_path / "m.csv")["rows"]
    assert [(c["unit"], c["label"]) for c in cells] == [(u, n) for u in range(3) for n in ("cat", "lamp", "road")]
    assert [c["label"] for c in cells if c["own_label"]] == ["lamp", "cat", "road"]
    with (tmp_path / "m.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [float(line["auc"]) for line in written] == [c["auc"] for c in cells]
    assert float(written[0]["target_percent_above_40"]) == cells[0]["error_margins"][2]["target_percent"]
    shown = run("verify-table", tables, "--matrix", "--units", "0-1")
    assert "2 units × 3 concepts" in shown.stdout
    assert "2 of 2 labels are their unit's best concept" in shown.stdout
    again = run("verify-table", tables, "--csv", tmp_path / "m.csv")
    assert (again.returncode, "m.csv: exists already" in again.stderr) == (2, True)


def test_margins_are_shown_on_request(tables: Path) -> None:
    shown = run("verify-table", tables, "--margins").stdout
    assert "60%" in shown
    assert "one-sided (target greater), normal approximation without tie correction" in " ".join(shown.split())


def test_an_activation_directory_with_labels_of_ones_own(tables: Path, tmp_path: Path) -> None:
    act = tmp_path / "act"
    assert run("activations", "import", tables, "--out", act, "--holdout", 0).returncode == 0
    (tmp_path / "labels.csv").write_text("unit,label\n0,lamp\n2,cat\n")
    rows = answer("verify-table", act, "--labels", tmp_path / "labels.csv")["rows"]
    published = answer("verify-table", tables)["rows"][0]
    assert [(row["unit"], row["label"]) for row in rows] == [(0, "lamp"), (2, "cat")]
    assert rows[0]["z"] == pytest.approx(published["z"])
    assert len(answer("verify-table", act, "--matrix")["rows"]) == 9
    without = run("verify-table", act)
    assert (without.returncode, "no unit has a label" in without.stderr) == (2, True)


def test_a_run_is_not_a_table(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    result = run("verify-table", tmp_path)
    assert (result.returncode, "this is a labelling run" in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--variant", "left"], "no alternative 'left'"),
        (["--threshold", "much"], "'much' is no threshold"),
        (["--units", "0"], "--units chooses rows of the matrix"),
        (["--labels", "x.csv"], "x.csv: there is no such file"),
        (["--published", "x.csv"], "x.csv: there is no such file"),
        (["--published", "x.csv", "--matrix"], "--published is about the units' own labels"),
    ],
)
def test_wrong_calls_are_refused(tables: Path, options: list[str], message: str) -> None:
    result = run("verify-table", tables, *options)
    assert (result.returncode, message in result.stderr) == (2, True), result.stderr


def test_published_groups_beside_the_published_figures(shared_data: Path) -> None:
    """The whole published table from one command, and the two p-values that contradict their own z."""
    folder = shared_data / "resnet50v2-neurons" / "verification-summary"
    record = answer("verify-table", folder, "--published", folder / "summary.csv")
    assert [row["target_images"] + row["non_target_images"] for row in record["rows"]] == [1467] * 14
    differing = [(r["unit"], k) for r in record["published"] for k, f in r["figures"].items() if not f["agrees"]]
    assert differing == [(19, "p"), (36, "p")]
    assert sum(len(r["figures"]) for r in record["published"]) == 14 * 8
    assert {r["unit"]: round(r["p_of_z"], 6) for r in record["published"] if not r["p_follows"]} == {
        19: 3.2e-5,
        36: 1.67e-4,
    }
    shown = run("verify-table", folder, "--published", folder / "summary.csv").stdout
    assert "110 of 112 published figures of 14 units agree" in shown
    assert "80.952" in shown and "-1.2843" in shown
    assert "unit 19: the published p < .00001 does not follow from its own z, which gives 3.2e-05" in shown


NETWORK = """
import torch
from torch import nn


def build():
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU())
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, 0, -1.0], [-1.0, 0, 1.0]]).reshape(2, 3, 1, 1))
        network[0].bias.zero_()
    return network
"""


def test_verify_on_folders_of_images_and_ask_for_the_verdicts(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs the extra `torch`")
    (tmp_path / "net.py").write_text(NETWORK)
    (tmp_path / "o.ttl").write_text(
        "@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        ":Bus rdfs:subClassOf :Vehicle . :Sky rdfs:subClassOf :Nature .\n"
    )
    scenes = tmp_path / "scenes"
    scenes.mkdir()

    def paint(path: Path, red: bool, seed: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        image.new("RGB", (20, 20), (200 + seed, 0, 0) if red else (0, 0, 200 + seed)).save(path)

    for i in range(24):
        paint(scenes / f"im{i}.png", i % 2 == 0, i)
        name = "bus" if i % 2 == 0 else "sky"
        (scenes / f"im{i}_atr.txt").write_text(f'001 # 0 # 0 # {name} # {name} # ""\n')
    for i in range(6):
        paint(tmp_path / "mine" / "bus" / f"{i}.png", True, 30 + i)
        paint(tmp_path / "mine" / "sky" / f"{i}.png", False, 30 + i)
    kb, acts, out = tmp_path / "kb", tmp_path / "acts", tmp_path / "run"
    for command in (
        ["kb", "build", "owl", tmp_path / "o.ttl", "--out", kb],
        ["kb", "annotate", kb, "ade20k", scenes],
        ["activations", f"{tmp_path / 'net.py'}:build", "--layer", "1", "--images", scenes, "--reduce", "mean",
         "--out", acts],
        ["label", "--kb", kb, "--activations", acts, "--out", out],
    ):  # fmt: skip
        result = run(*command)
        assert result.returncode == 0, result.stderr
    # The run knows which activations it was made from.
    held_out = answer("verify", out)
    assert held_out["settings"]["images"] == "held out"
    verified = answer("verify", out, "--images", tmp_path / "mine", "--out", tmp_path / "kept", "--device", "cpu")
    assert [(r["target_images"], r["non_target_images"], r["verdict"]) for r in verified["rows"]] == [
        (6, 6, "confirmed"),
        (6, 6, "confirmed"),
    ]
    assert verified["settings"]["images"] == "mine"
    assert (tmp_path / "kept" / "meta.json").is_file()
    asked = answer("sparql", kb, "gate-and-holm")
    assert [b["unit"]["value"] for b in asked["results"]["bindings"]] == ["0", "1"]
    (tmp_path / "mine" / "bus").rename(tmp_path / "mine" / "Buss")
    wrong = run("verify", out, "--images", tmp_path / "mine")
    assert wrong.returncode == 2
    assert "'Buss' (did you mean" in wrong.stderr
    assert "Bus" in wrong.stderr
    misused = run("verify", out, "--skip-bad")
    assert (misused.returncode, "--images" in misused.stderr) == (2, True)
