"""Definitions of a unit's example images, and the short words in which they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias, get_args

from ..ontology.errors import UsageError

Rule: TypeAlias = Literal["maximum", "quantile", "top", "band", "cluster"]
"""What the two numbers of a definition are, see :class:`Thresholds`."""

#: Most ranges that activations are cut into.
MOST_RANGES: Final = 20

_FORM: Final = re.compile(
    r"(?P<rule>q|top|)(?P<positive>\d+(?:\.\d+)?)/(?P<negative>\d+(?:\.\d+)?)"
    r"|(?P<low>\d+(?:\.\d+)?)-(?P<high>\d+(?:\.\d+)?)"
    r"|(?P<which>\d+)of(?P<ranges>\d+)"
)
_RULES: Final[dict[str, Rule]] = {"": "maximum", "q": "quantile", "top": "top"}
_EXPECTED: Final = (
    "80/20 (percent of the maximum), q95/50 (quantiles in percent), top20/50 (most and least exciting images), the "
    "positive number first; or a band of activations, 20-40 (percent of the maximum) or 2of4 (second of four ranges)"
)


@dataclass(frozen=True)
class Thresholds:
    """When an image is a positive or negative example of a unit, see :func:`.example_sets.example_set`.

    Attributes
    ----------
    positive, negative
        By the rules ``maximum`` and ``quantile``, the share from which an image is positive and that up to which it
        is negative; by ``top``, numbers of images; by ``band``, the upper and the lower end of a band in shares of
        the maximum; by ``cluster``, into how many ranges the activations are cut, and which of them, from 1.
    min_positives
        With fewer positive images a unit is not labelled.
    rule
        What the numbers are.
    """

    positive: float = 0.8
    negative: float = 0.2
    min_positives: int = 3
    rule: Rule = "maximum"

    @property
    def is_band(self) -> bool:
        """Whether positive are the images within a band of activations, and all others negative."""
        return self.rule in ("band", "cluster")

    @property
    def name(self) -> str:
        """The word for it, which :func:`parse_rule` reads.

        Examples
        --------
        >>> Thresholds().name, Thresholds(4, 2, rule="cluster").name
        ('80/20', '2of4')
        """
        if self.rule == "cluster":
            return f"{self.negative:g}of{self.positive:g}"
        scale = 1 if self.rule == "top" else 100
        positive, negative = f"{round(scale * self.positive, 9):g}", f"{round(scale * self.negative, 9):g}"
        if self.rule == "band":
            return f"{negative}-{positive}"
        return f"{'q' if self.rule == 'quantile' else self.rule.replace('maximum', '')}{positive}/{negative}"

    @property
    def sentence(self) -> str:
        """What they say, in words.

        Examples
        --------
        >>> Thresholds(20, 50, rule="top").sentence
        'positive the 20 most, negative the 50 least exciting images'
        """
        match self.rule:
            case "top":
                return f"positive the {self.positive:g} most, negative the {self.negative:g} least exciting images"
            case "quantile":
                return (
                    f"positive from the quantile {self.positive:g} of the activations, negative up to {self.negative:g}"
                )
            case "band":
                end = "up" if self.positive == 1 else f"to below {self.positive:g}"
                return f"positive from {self.negative:g} {end} of the unit’s maximum, negative all others"
            case "cluster":
                return (
                    f"positive number {self.negative:g} of {self.positive:g} ranges of the activations above zero, "
                    "the lowest first, negative all others"
                )
        return f"positive from {self.positive} of the unit’s maximum, negative up to {self.negative}"


def check_rule(rule: str, positive: float, negative: float) -> None:
    """Refuse numbers that define no example set.

    Raises
    ------
    ValueError
        The rule is unknown, or the numbers are not in order.
    """
    if rule not in get_args(Rule):
        raise ValueError(f"there is no rule {rule!r}, expected one of {', '.join(get_args(Rule))}")
    whole = positive == int(positive) and negative == int(negative)
    if rule == "top":
        if not (positive >= 1 and negative >= 1 and whole):
            raise ValueError(f"need whole numbers of images from 1, not negative={negative}, positive={positive}")
    elif rule == "cluster":
        if not (positive >= 2 and 1 <= negative <= positive and whole):
            raise ValueError(f"need two ranges or more and the number of one, not {negative:g} of {positive:g}")
    elif not 0 <= negative < positive <= 1:
        raise ValueError(f"need 0 <= negative < positive <= 1, not negative={negative}, positive={positive}")


def parse_rule(text: str, *, min_positives: int = 3, where: str = "--rule") -> Thresholds:
    """Read a definition of example sets.

    Parameters
    ----------
    text
        ``80/20``: percent of the unit's maximum; ``q95/50``: quantiles in percent; ``top20/50``: numbers of images;
        ``20-40``: a band in percent of the maximum; ``2of4``: the second lowest of four ranges.
    min_positives
        With fewer positive images a unit is not labelled.
    where
        What to blame in an error.

    Raises
    ------
    UsageError
        The text is none of these, or its numbers are not in order.

    Examples
    --------
    >>> parse_rule("q95/50")
    Thresholds(positive=0.95, negative=0.5, min_positives=3, rule='quantile')
    >>> parse_rule("20-40")
    Thresholds(positive=0.4, negative=0.2, min_positives=3, rule='band')
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} defines no example sets", where=where, expected=_EXPECTED)
    rule: Rule
    if found["which"] is not None:
        rule, positive, negative = "cluster", float(found["ranges"]), float(found["which"])
    elif found["low"] is not None:
        rule, positive, negative = "band", float(found["high"]) / 100, float(found["low"]) / 100
    else:
        rule = _RULES[found["rule"]]
        scale = 1 if rule == "top" else 100
        positive, negative = float(found["positive"]) / scale, float(found["negative"]) / scale
    try:
        check_rule(rule, positive, negative)
    except ValueError as error:
        raise UsageError(f"{text!r} defines no example sets: {error}", where=where, expected=_EXPECTED) from error
    return Thresholds(positive, negative, min_positives, rule)


def parse_rules(texts: Sequence[str], *, min_positives: int = 3, where: str = "--settings") -> tuple[Thresholds, ...]:
    """Read several definitions, each of them once.

    Raises
    ------
    UsageError
        One cannot be read, or is named twice.
    """
    seen: dict[Thresholds, str] = {}
    for text in texts:
        thresholds = parse_rule(text, min_positives=min_positives, where=where)
        if thresholds in seen:
            raise UsageError(f"{text!r} is the same as {seen[thresholds]!r}", where=where, expected="each once")
        seen[thresholds] = text
    return tuple(seen)


def parse_bands(text: str, *, min_positives: int = 3, where: str = "--bands") -> tuple[Thresholds, ...]:
    """Read bands of activations: a number of ranges, or bands in percent of the maximum with commas between them.

    Raises
    ------
    UsageError
        The text is neither, or bands overlap.

    Examples
    --------
    >>> [band.name for band in parse_bands("3")]
    ['1of3', '2of3', '3of3']
    >>> [band.name for band in parse_bands("20-60,60-100")]
    ['20-60', '60-100']
    """
    if text.strip().isdigit():
        number = int(text)
        if not 2 <= number <= MOST_RANGES:
            raise UsageError(f"{number} ranges", where=where, expected=f"2 to {MOST_RANGES}")
        names = [f"{which}of{number}" for which in range(1, number + 1)]
    else:
        names = [part.strip() for part in text.split(",") if part.strip()]
    bands = parse_rules(names, min_positives=min_positives, where=where)
    wrong = [band.name for band in bands if not band.is_band]
    if wrong or not bands:
        raise UsageError(
            f"{', '.join(wrong) or text!r} is no band of activations",
            where=where,
            expected="a number of ranges, or bands in percent of the maximum such as 20-40,40-60,60-80,80-100",
        )
    shares = sorted((band for band in bands if band.rule == "band"), key=lambda band: band.negative)
    for lower, upper in pairwise(shares):
        if upper.negative < lower.positive:
            raise UsageError(f"the bands {lower.name} and {upper.name} overlap", where=where, expected="bands apart")
    return bands
