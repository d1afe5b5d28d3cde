"""Groups of units: how they are written, and what activates them."""

import numpy as np
import pytest
from neurontology.analysis.unit_groups import UnitGroup, check_members, joint_activation, parse_groups, shares
from neurontology.ontology.errors import UsageError


def test_groups_are_read_from_text_and_lines():
    assert [g.name for g in parse_groups("7+3,9+12+15\n3 + 7\n")] == ["3+7", "9+12+15"]
    for wrong in ("", "3", "3+3", "a+b", "3-7", "3+", "-1+2"):
        with pytest.raises(UsageError):
            parse_groups(wrong)


def test_members_are_ascending():
    with pytest.raises(UsageError, match="7\\+3"):
        UnitGroup((7, 3))


def test_joint_activation_worked_by_hand():
    activations = np.array([[8.0, 1.0, -3.0], [4.0, 2.0, -1.0], [-4.0, 2.0, -2.0]])
    of_maximum = shares(activations, activations.max(axis=0))
    assert of_maximum.tolist() == [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [-0.5, 1.0, 0.0]]
    assert joint_activation(of_maximum[:, :2]).tolist() == [0.5, 0.5, -0.5]
    assert joint_activation(of_maximum[:, :2], "mean").tolist() == [0.75, 0.75, 0.25]
    assert joint_activation(of_maximum).max() == 0  # the third never fires, so the group does not
    with pytest.raises(UsageError, match="minimum or mean"):
        joint_activation(of_maximum, "sum")


def test_shares_by_hand():
    activations = np.array([[0.25, 0.0, -1.0], [0.5, 0.0, -2.0]])
    assert shares(activations, activations.max(axis=0)).tolist() == [[0.5, 0.0, 0.0], [1.0, 0.0, 0.0]]


def test_members_must_be_units_of_the_layer():
    check_members([UnitGroup((0, 2))], 3)
    with pytest.raises(UsageError, match=r"there is no unit 3.*numbers from 0 to 2"):
        check_members([UnitGroup((1, 3))], 3)
