"""The plot of ensembles: every known AUC and gain is in it, and equal records are equal bytes."""

import re
from pathlib import Path

import pytest
from neurontology.analysis.ensemble_plot import draw_ensembles
from neurontology.ontology.errors import UsageError


def told(auc):
    return {"verification": None if auc is None else {"auc": auc}}


def record(groups):
    return {"model": "toy", "layer": "dense", "groups": groups}


def group(auc, gain, same, members):
    of = [{**told(own), "auc_for_group": for_group} for own, for_group in members]
    return {**told(auc), "gain": gain, "gain_same_label": same, "members": of}


GROUPS = [
    group(0.9, 0.1, 0.0, [(0.8, 0.9), (0.7, 0.6)]),
    group(0.6, -0.1, -0.05, [(0.7, 0.65), (0.4, 0.5)]),
    group(None, None, None, [(0.8, None), (None, None)]),
]


def test_points_and_bars_are_those_of_the_record(tmp_path: Path):
    text = draw_ensembles(record(GROUPS), tmp_path / "plot.svg").read_text()
    # Four members of the two tested groups for their own labels, four for the group's: points are uses of a marker.
    own, same = (
        re.search(rf'<g id="PathCollection_{n}">(.*?)</g>\n  ', text, re.S).group(1).count("<use") for n in (1, 2)
    )
    assert (own, same) == (4, 4)
    assert "each for its own label (2)" in text
    assert "for the group's label (2)" in text.replace("&#x27;", "'")
    assert draw_ensembles(record(GROUPS), tmp_path / "again.svg").read_bytes() == (tmp_path / "plot.svg").read_bytes()


def test_groups_without_a_verdict_leave_an_empty_plot(tmp_path: Path):
    assert draw_ensembles(record(GROUPS[2:]), tmp_path / "none.png").stat().st_size > 1000


def test_other_kinds_of_files_are_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="no name of a plot"):
        draw_ensembles(record(GROUPS), tmp_path / "plot.gif")
