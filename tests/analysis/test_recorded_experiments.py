"""What a report reads of experiments is what the commands recorded: groups of units, sweeps, runs side by side."""

import csv
import html
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from neurontology.analysis.bands import label_bands
from neurontology.analysis.ensemble_recording import record_ensembles
from neurontology.analysis.ensembles import compare_groups, ensembles_record, find_groups
from neurontology.analysis.lineup import line_up
from neurontology.analysis.lineup_recording import record_lineup
from neurontology.analysis.recorded_experiments import recorded_experiments
from neurontology.analysis.report import write_report
from neurontology.analysis.sweep import sweep, sweep_record
from neurontology.analysis.unit_groups import parse_groups
from neurontology.analysis.verification import Criteria
from neurontology.bridge.activations import Activations
from neurontology.bridge.example_rules import parse_bands, parse_rules
from neurontology.bridge.importers import import_activations
from neurontology.bridge.labelling import join_images
from neurontology.bridge.run import open_run
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.kb import KB
from neurontology.reasoner.learning import InductionOptions

KINDS = ("Cat", "Dog", "Elm")
OPTIONS = InductionOptions(max_atoms=1, top=1)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> tuple[Path, dict, dict, dict]:
    """A layer of five units, its knowledge base with a sweep, a comparison and two sets of groups; what was printed."""
    path, rng = tmp_path_factory.mktemp("experiments"), np.random.default_rng(4)
    kinds = [KINDS[number % 3] for number in range(90)]
    for name in ("acts", "other"):
        with (path / f"{name}.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow([*range(5), "path", "class"])
            for number, kind in enumerate(kinds):
                fires = [3.0 * (KINDS[unit % 3] == kind) + 2 * rng.random() for unit in range(4)]
                table.writerow([*(f"{value:.4f}" for value in fires), 0, f"im{number:02d}.png", kind])
    acts = import_activations(path / "acts.csv", path / "acts", holdout=0.5, seed=1, model="m", layer="l")
    other = import_activations(path / "other.csv", path / "other", holdout=0.5, seed=1, model="m", layer="l2")
    lines = ["@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> ."]
    lines += [f":{kind} a owl:Class ." for kind in KINDS]
    lines += [f":im{number:02d} a :{kind} ." for number, kind in enumerate(kinds)]
    (path / "kb.ttl").write_text("\n".join(lines))
    build_owl([path / "kb.ttl"], path / "kb")
    kb = KB.open(path / "kb", writable=True)
    rules = parse_rules(["80/20", "q80/50"], min_positives=3)
    swept = sweep_record(sweep(kb, acts, rules, path / "swept", options=OPTIONS))
    # Of another layer: not for this report.
    sweep(kb, other, rules, path / "elsewhere", options=OPTIONS)
    runs = [open_run(path / "swept" / name) for name in ("q80-50", "80-20")]
    side_by_side = line_up(runs, [kb, kb])
    record_lineup([kb], runs, side_by_side, origin=path)
    joined = join_images(kb, acts)
    found = find_groups(joined, acts, by="correlation", count=2)
    groups = {}
    for name, members, search in (
        ("correlation", [g.group for g in found.groups], found),
        ("", parse_groups("0+4,1+2+3"), None),
    ):
        compared = compare_groups(joined, acts, members, options=OPTIONS, kb=kb)
        groups[name] = ensembles_record(
            compared, acts, kb, dataset=joined.dataset, how="minimum", criteria=Criteria(), search=search
        )
        record_ensembles(kb, acts, groups[name])
    return path, swept, side_by_side, groups


def opened(path: Path) -> tuple[KB, Activations, object]:
    return KB.open(path / "kb"), Activations.open(path / "acts"), open_run(path / "swept" / "80-20")


def test_groups_are_read_as_they_were_printed(recorded):
    path, _, _, printed = recorded
    read = {one.found_by: one for one in recorded_experiments(*opened(path)).ensembles}
    assert set(read) == set(printed) == {"", "correlation"}
    for name, record in printed.items():
        assert read[name].joint == "minimum"
        assert read[name].confirmed == record["groups_confirmed"]
        assert read[name].gains(same_label=False) == (record["better"], record["compared"])
        assert read[name].gains(same_label=True) == (record["better_same_label"], record["compared_same_label"])
        of_units = {group.units: group for group in read[name].groups}
        for group in record["groups"]:
            one, tested = of_units[tuple(group["units"])], group["verification"] or {}
            assert (one.gain, one.gain_same_label) == (group["gain"], group["gain_same_label"])
            assert (one.auc, one.p_holm) == (tested.get("auc"), tested.get("p_holm"))
            assert one.verdict == tested.get("verdict", "")
            assert one.label == (group["label"] or {"english": ""})["english"]
            assert one.status == group["status"]
    silent = next(group for group in read[""].groups if group.units == (0, 4))
    assert (silent.label, silent.auc) == ("", None)
    assert silent.status.startswith("never fires")
    assert read[""].groups[-1] == silent


def test_sweeps_and_comparisons_are_read_as_they_were_printed_and_those_of_other_layers_are_not(recorded):
    path, swept, side_by_side, _ = recorded
    found = {one.kind: one.outcomes for one in recorded_experiments(*opened(path)).comparisons}
    assert len(recorded_experiments(*opened(path)).comparisons) == 2
    assert [one.name for one in found["sweep"]] == [row["setting"] for row in swept["settings"]]
    assert [one.shown for one in found["sweep"]] == [True, False]
    for outcomes, record in ((found["sweep"], swept["settings"]), (found["comparison"], side_by_side["runs"])):
        for one, row in zip(outcomes, record, strict=True):
            assert (one.labelled, one.tested, one.passing, one.confirmed) == tuple(
                row[key] for key in ("labelled", "tested", "holm", "confirmed")
            )
            assert (one.f1, one.auc) == (row["f1_median"], row["auc_median"])
    # In the order of the comparison, not of the names.
    assert [one.shown for one in found["comparison"]] == [False, True]
    assert found["comparison"][0].p is None
    assert found["comparison"][1].p == side_by_side["runs"][1]["change"]["p"]


def test_the_page_tells_them_and_links_the_units(recorded, tmp_path):
    path, _, _, printed = recorded
    kb, acts, run = opened(path)
    page = html.unescape(write_report(run, kb, acts, tmp_path / "out").read_text())
    groups = page[page.index('<h2 id="groups">') : page.index('<h2 id="comparisons">')].replace("\u00a0", " ")
    assert groups.count("<details") == 2
    for record in printed.values():
        for group in record["groups"]:
            links = r"\s*".join(rf'<a href="#unit-{unit}".*?</a>' for unit in group["units"])
            row = re.search(rf"<tr><td>{links}\s*</td>(.*?)</tr>", groups)
            assert row is not None
            told = group["label"]["english"] if group["label"] else f"no label: {group['status']}"
            assert told in row[1]
    # Units 0 and 3 alone fire for one kind of image.
    assert "1 group</b> found by correlation" in groups
    assert "2 groups</b> given" in groups
    compared = page[page.index('<h2 id="comparisons">') :]
    assert compared.count("this run") == 2
    again = write_report(run, kb, acts, tmp_path / "again")
    assert again.read_bytes() == (tmp_path / "out" / "index.html").read_bytes()


def test_bands_stand_from_the_lowest_and_are_called_bands(recorded, tmp_path):
    path = recorded[0]
    kb = KB.open(shutil.copytree(path / "kb", tmp_path / "kb"), writable=True)
    _, acts, run = opened(path)
    bands = parse_bands("5-30,30-100", min_positives=3)
    record = label_bands(kb, acts, bands, tmp_path / "bands", options=OPTIONS)
    kinds = [one.kind for one in recorded_experiments(kb, acts, run).comparisons]
    assert sorted(kinds) == ["bands", "comparison", "sweep"]
    (found,) = [one for one in recorded_experiments(kb, acts, run).comparisons if one.kind == "bands"]
    assert [one.name for one in found.outcomes] == ["5-30", "30-100"]  # by name it is the other way round
    for one, row in zip(found.outcomes, record["bands"], strict=True):
        assert (one.labelled, one.tested, one.confirmed) == (row["labelled"], row["tested"], row["confirmed"])
    page = html.unescape(write_report(run, kb, acts, tmp_path / "out").read_text())
    assert "2\u00a0runs</b> by bands of activations" in page
    ranges = parse_bands("3", min_positives=3)
    label_bands(kb, acts, ranges, tmp_path / "ranges", options=OPTIONS)
    named = [[o.name for o in c.outcomes] for c in recorded_experiments(kb, acts, run).comparisons if c.kind == "bands"]
    assert named == [["5-30", "30-100"], ["1of3", "2of3", "3of3"]]


def test_a_page_without_experiments_does_not_mention_them(recorded, tmp_path):
    path, _, _, _ = recorded
    kb = KB.open(shutil.copytree(path / "kb", tmp_path / "kb"), writable=True)
    for entry in list(kb.entries):
        if "-ensembles-" in entry.name or entry.name.endswith(("-sweep", "-comparison")):
            kb.drop_graph(entry.kind, entry.name)
    _, acts, run = opened(path)
    assert recorded_experiments(kb, acts, run).ensembles == ()
    page = write_report(run, kb, acts, tmp_path / "out").read_text()
    assert 'id="groups"' not in page
    assert 'id="comparisons"' not in page
