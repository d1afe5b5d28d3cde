"""Groups behind the published table: sheets and summaries by hand; the published ones are in test_cli_verify."""

from dataclasses import replace
from pathlib import Path

import pytest
from neurontology.analysis.published_groups import (
    PublishedRow,
    beside_published,
    read_group_sheet,
    read_summary,
    verify_groups,
)
from neurontology.ontology.errors import DataError, UsageError
from scipy.stats import mannwhitneyu, norm

TARGET, OTHERS = [5.0, 4.0, 3.0, 6.0], [0.0, 1.0, 0.5, 2.0, 0.0]
SHEET = "Filenames,7,non-target,,DATA,group,rank,,note\n" + "".join(
    f"a.jpg,{v},0,,{v},{g},1,,n1\n" for g, values in ((1, TARGET), (2, OTHERS)) for v in values
)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def summary(z: float, p: str) -> str:
    return (
        ",ECII Concepts,target activations,non-target activations,target mean,z-score,p-value,\n"
        f'Neuron_7,"lamp, vase",100,60,4.5,{z!r},{p},\naverage,,100,60,,,\n'
    )


def test_a_sheet_is_verified_like_its_two_groups(tmp_path: Path) -> None:
    write(tmp_path / "neuron_7.csv", SHEET + ",,,,,,,,more\n")
    sheet = read_group_sheet(tmp_path / "neuron_7.csv")
    assert (sheet.unit, sheet.target.tolist(), sheet.others.tolist()) == (7, TARGET, OTHERS)
    (row,) = verify_groups([tmp_path])
    assert (row.unit, row.label, row.target_images, row.non_target_images) == (7, "neuron_7", 4, 5)
    expected = mannwhitneyu(TARGET, OTHERS, alternative="greater", use_continuity=False)
    assert row.auc == expected.statistic / 20
    write(tmp_path / "summary.csv", summary(-2.5, "0.1"))
    assert verify_groups([tmp_path])[0].label == "lamp, vase"
    write(tmp_path / "summary.csv", "a,b\nneuron_8\nneuron_7,lamp\n")
    assert verify_groups([tmp_path])[0].label == "lamp"


def test_published_figures_stand_beside_and_a_p_that_is_not_its_z(tmp_path: Path) -> None:
    write(tmp_path / "neuron_7.csv", SHEET)
    rows = verify_groups([tmp_path])
    z = rows[0].z
    assert z is not None
    (told,) = beside_published(rows, read_summary(write(tmp_path / "s.csv", summary(z, "< .00001"))))
    agree = {name: figure["agrees"] for name, figure in told["figures"].items()}
    assert agree == {"target_percent": True, "non_target_percent": True, "target_mean": True, "z": True, "p": False}
    assert (told["figures"]["z"]["published"], told["figures"]["p"]["published"]) == (z, "< .00001")
    assert (told["label"], told["p_follows"]) == ("lamp, vase", False)
    assert told["p_of_z"] == pytest.approx(norm.cdf(z))


@pytest.mark.parametrize(
    ("change", "p_printed", "agree"),
    [
        (2e-4, "{:.4f}", (False, True, True)),  # another z, of the same p as far as that is printed
        (0.0, "{:.1e}", (True, True, True)),
        (2e-5, "{:.4f}", (True, True, True)),
        (0.0, "0.5", (True, False, False)),
        (0.0, "n/a", (True, False, False)),
    ],
)
def test_figures_agree_as_far_as_they_are_printed(
    change: float, p_printed: str, agree: tuple[bool, bool, bool], tmp_path: Path
) -> None:
    write(tmp_path / "neuron_7.csv", SHEET)
    rows = verify_groups([tmp_path])
    z = rows[0].z
    assert z is not None
    printed = read_summary(write(tmp_path / "s.csv", summary(z + change, p_printed.format(norm.cdf(z)))))
    (told,) = beside_published(rows, printed)
    assert (told["figures"]["z"]["agrees"], told["figures"]["p"]["agrees"], told["p_follows"]) == agree
    (told,) = beside_published(rows, read_summary(write(tmp_path / "s.csv", summary(round(z, 1), "< .05"))))
    assert told["figures"]["z"]["agrees"] and told["p_follows"]


@pytest.mark.parametrize(
    ("figure", "printed", "computed", "agrees"),
    [
        ("target_percent", "60", 60.49, True),  # as far as it is printed
        ("target_percent", "60.0000", 60.0004, True),
        ("target_percent", "60.0000", 60.0006, False),
        ("z", "-2.500000", -2.50004, True),
        ("z", "-2.500000", -2.50006, False),
        ("target_mean", "4.502100", 4.5, True),
        ("target_mean", "4.502400", 4.5, False),
        ("target_mean", "0.500200", 0.5, True),
        ("target_mean", "4.50e+2", 450.4, True),
        ("p", "<.05", 0.0499, True),
        ("p", "< 0.05", 0.05, False),
    ],
)
def test_how_near_a_figure_is_to_agree(
    figure: str, printed: str, computed: float, agrees: bool, tmp_path: Path
) -> None:
    (row,) = verify_groups([write(tmp_path / "neuron_7.csv", SHEET)])
    (told,) = beside_published([replace(row, **{figure: computed})], {7: PublishedRow(7, "lamp", {figure: printed})})
    assert told["figures"][figure]["agrees"] is agrees


@pytest.mark.parametrize(
    ("figures", "p_of_z", "follows"),
    [
        ({"p": "0.1"}, False, None),
        ({"z": "-2", "p": ""}, True, None),
        ({"z": "-2"}, True, None),
        ({"z": "nan"}, False, None),
    ],
)
def test_without_both_z_and_p_nothing_follows(
    figures: dict[str, str], p_of_z: bool, follows: bool | None, tmp_path: Path
) -> None:
    rows = verify_groups([write(tmp_path / "neuron_7.csv", SHEET)])
    (told,) = beside_published(rows, {7: PublishedRow(7, "lamp", figures)})
    assert (told["p_of_z"] is not None, told["p_follows"]) == (p_of_z, follows)


def test_a_row_that_ends_early_has_the_figures_that_it_has(tmp_path: Path) -> None:
    told = read_summary(write(tmp_path / "s.csv", "a,b,z-score\nneuron_1\nneuron_2,lamp\nneuron_3, vase ,-1\n"))
    assert told == {
        1: PublishedRow(1, "", {}),
        2: PublishedRow(2, "lamp", {}),
        3: PublishedRow(3, "vase", {"z": "-1"}),
    }


@pytest.mark.parametrize("header", ["data,x", "x,group", ""])
def test_a_sheet_has_both_columns(header: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"neuron_7.csv:1: there are no groups"):
        read_group_sheet(write(tmp_path / "neuron_7.csv", header))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("neuron_7.csv", SHEET + 'a,1,0,,"1"2,1,1,,\n', r"neuron_7.csv:11: this is not readable as CSV"),
        ("neuron_7.csv", "data,group\n2,1\n,\n3\n", r"neuron_7.csv:4: the group is ''"),
        ("neuron_7.csv", '"data",group\n"1",1\n"1\n",3\n', r"neuron_7.csv:4: the group is '3'"),
        ("neuron_7.csv", SHEET + "a,1,0,,1,3,1,,\n", r"neuron_7.csv:11: the group is '3'"),
        ("neuron_7.csv", SHEET + "a,1,0,,x,1,1,,\n", r"neuron_7.csv:11: the activation is 'x'"),
        ("neuron_7_8.csv", SHEET, "the name carries 2 units"),
        ("other.csv", SHEET, "does not say which units"),
        ("neuron 7 again.csv", SHEET, "unit 7 has two sheets"),
        ("neuron_8.csv", "0,Class_names\n1,a\n", "neither the groups of a unit nor a summary"),
    ],
)
def test_what_is_no_group_is_refused_by_name_and_line(name: str, text: str, message: str, tmp_path: Path) -> None:
    write(tmp_path / "neuron_7.csv", SHEET)
    write(tmp_path / name, text)
    with pytest.raises(DataError, match=message):
        verify_groups([tmp_path])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "s.csv:1: the header has none of the published figures"),
        ("a,b\nneuron_1,x\n", "s.csv:1: the header has none of the published figures"),
        ("a,b,z-score\nall,x,1\n", "no row is about a unit"),
        ("a,b,z-score\nneuron_1,x,1\nneuron_1,x,1\n", "s.csv:3: unit 1 has two rows"),
    ],
)
def test_a_broken_summary_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_summary(write(tmp_path / "s.csv", text))


def test_a_summary_of_other_units_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "neuron_7.csv", SHEET)
    told = read_summary(write(tmp_path / "s.csv", "a,b,z-score\nneuron_1,x,1\n"))
    (row,) = verify_groups([tmp_path / "neuron_7.csv"])
    with pytest.raises(
        UsageError, match=r"none of these units.* rows for some of the units 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\.$"
    ):
        beside_published([replace(row, unit=unit) for unit in range(2, 20)], told)
