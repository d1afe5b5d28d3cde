"""The words for example sets: what is written is what is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neurontology.bridge.example_rules import Thresholds, parse_bands, parse_rule, parse_rules
from neurontology.ontology.errors import UsageError

percent = st.integers(0, 1000).map(lambda v: v / 10)
shares = st.tuples(percent, percent).filter(lambda p: p[0] < p[1])
words = st.one_of(
    shares.map(lambda p: f"{p[1]:g}/{p[0]:g}"),
    shares.map(lambda p: f"q{p[1]:g}/{p[0]:g}"),
    shares.map(lambda p: f"{p[0]:g}-{p[1]:g}"),
    st.tuples(st.integers(1, 500), st.integers(1, 500)).map(lambda p: f"top{p[0]}/{p[1]}"),
    st.tuples(st.integers(1, 9), st.integers(2, 9)).filter(lambda p: p[0] <= p[1]).map(lambda p: f"{p[0]}of{p[1]}"),
)


@given(words)
def test_a_rule_is_called_as_it_was_written(text: str) -> None:
    assert parse_rule(text).name == text
    assert parse_rule(parse_rule(text).name) == parse_rule(text)


def test_each_form_says_what_it_means() -> None:
    assert parse_rule("80/20", min_positives=5) == Thresholds(0.8, 0.2, 5)
    assert parse_rule("top20/50") == Thresholds(20, 50, rule="top")
    assert parse_rule("20-40") == Thresholds(0.4, 0.2, rule="band")
    assert parse_rule("2of4") == Thresholds(4, 2, rule="cluster")
    assert [parse_rule(t).is_band for t in ("80/20", "q95/50", "top9/9", "20-40", "2of4")] == [False] * 3 + [True] * 2
    said = {text: parse_rule(text).sentence for text in ("20-40", "80-100", "2of4", "q95/50")}
    assert said["20-40"] == "positive from 0.2 to below 0.4 of the unit’s maximum, negative all others"
    assert said["80-100"] == "positive from 0.8 up of the unit’s maximum, negative all others"
    assert "number 2 of 4 ranges" in said["2of4"]
    assert "quantile 0.95" in said["q95/50"]


@pytest.mark.parametrize(
    "text", ["20/80", "80", "40-20", "20-20", "90-101", "3of2", "0of2", "1of1", "top0/5", "q5/9", ""]
)
def test_what_defines_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="defines no example sets"):
        parse_rule(text)


def test_bands_are_given_or_counted() -> None:
    assert [band.name for band in parse_bands("4")] == ["1of4", "2of4", "3of4", "4of4"]
    assert [band.name for band in parse_bands("60-100, 0-20")] == ["60-100", "0-20"]
    for text, message in (
        ("1", "1 ranges"),
        ("99", "99 ranges"),
        ("80/20", "'80/20' is no band"),
        (",", "is no band"),
        ("20-50,40-60", "20-50 and 40-60 overlap"),
    ):
        with pytest.raises(UsageError, match=message):
            parse_bands(text)
    with pytest.raises(UsageError, match="the same as"):
        parse_rules(("20-40", "20.0-40"))
