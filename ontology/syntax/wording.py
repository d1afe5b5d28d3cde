"""English words for classes and roles: nouns with their articles and plurals, and verb phrases.

The lists are short on purpose. They hold what occurs as a class or role name in image annotations, Wikipedia
categories and the usual learning problems, where spelling alone misleads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PREPOSITIONS = _words(
    "of in on at by for with from to into onto under over near behind above below beside between "
    "inside outside along against around across within through after before beneath underneath atop "
    "off about without as than among via"
)
_LEADING = PREPOSITIONS | _words("next adjacent close")
_ADJECTIVES = _words(
    "male female long short open closed double single jagged young old new big small large little "
    "tall high low wide narrow thick thin heavy light dark bright red green blue yellow black white "
    "brown grey gray orange purple pink wooden metallic wet dry hot cold warm cool clean dirty full "
    "empty round square rectangular circular flat steep human alive dead married unmarried divorced "
    "blameworthy guilty innocent rich poor sick healthy public private physical abstract natural "
    "artificial indoor outdoor urban rural edible transparent opaque toxic active inactive positive "
    "negative mutagenic true false good bad happy sad strong weak fast slow free busy broken"
)
_MASS = _words(
    "water grass snow sand soil mud dirt ground earth sky ice fog smoke fire air furniture "
    "merchandise food fruit drink clothing jewellery jewelry equipment machinery paper glass wood "
    "metal plastic stone concrete bedding cutlery crockery tableware glassware hardware software "
    "stationery luggage baggage traffic vegetation foliage culture technology science nature "
    "architecture agriculture construction recreation transport transportation communication health "
    "law life matter energy electricity security society government knowledge entertainment music art "
    "literature education information industry trade commerce crime marketing advertising publishing "
    "printing engineering walking writing cooking dining serving fishing shopping furnishing media "
    "people's humanity hair skin bread meat cheese rice sugar milk coffee tea beer wine cuisine "
    "confectionery money mail laundry garbage trash rubbish waste litter scenery landscaping lighting "
    "plumbing flooring roofing fabric leather cotton wool steel iron gold silver rubber aircraft"
)
_PLURAL = _words(
    "people men women children feet teeth geese mice cattle police scissors stairs trousers pants "
    "clothes goods arts glasses headquarters media criteria phenomena fungi bacteria data leaves "
    "knives wives shelves loaves"
)
_SINGULAR_IN_S = _words(
    "gas lens canvas atlas pancreas bus series species chess tennis news christmas mars paris texas "
    "bias iris axis basis oasis trellis pelvis penis analysis thesis crisis debris chassis physics "
    "mathematics"
)
_IRREGULAR = {
    "person": "people",
    "man": "men",
    "woman": "women",
    "child": "children",
    "foot": "feet",
    "tooth": "teeth",
    "goose": "geese",
    "mouse": "mice",
    "leaf": "leaves",
    "shelf": "shelves",
    "bookshelf": "bookshelves",
    "knife": "knives",
    "wife": "wives",
    "loaf": "loaves",
    "half": "halves",
    "wolf": "wolves",
    "sheep": "sheep",
    "deer": "deer",
    "fish": "fish",
    "series": "series",
    "species": "species",
    "phenomenon": "phenomena",
    "criterion": "criteria",
    "potato": "potatoes",
    "tomato": "tomatoes",
    "hero": "heroes",
}
_PROPER_FIRST = _words(
    "american british english french german chinese japanese european african asian indian italian "
    "greek roman spanish russian dutch swiss turkish arabic christian islamic muslim jewish buddhist "
    "hindu latin wikipedia olympic"
)
_THIRD_PERSON = _words(
    "contains includes comprises shows depicts displays features eats drinks loves likes hates knows "
    "owns uses needs wears holds carries rides drives pulls pushes covers supports surrounds touches "
    "overlaps follows precedes produces makes creates consists lives works studies teaches plays "
    "belongs depends causes affects treats influences participates attends becomes gives takes sells "
    "buys feeds faces hangs stands sits lies leads manages employs runs writes reads connects "
    "contacts meets marries serves bears keeps encloses intersects equals requires starts ends"
)
_NOT_PARTICIPLES = _words(
    "sibling ceiling building painting clothing king ring wing string spring thing wedding meeting "
    "morning evening bed seed shed breed need speed feed weed reed red hundred"
)
_SUBJECTS = _words("image photo photograph picture scene")
_GENERIC = _words("object thing entity item individual instance element")
_VOWEL_SOUND = re.compile(r"(?:[aeiou]|hour|honest|honou?r|heir(?!loom$)|8|11(?!\d)|18(?!\d))", re.IGNORECASE)
_CONSONANT_SOUND = re.compile(
    r"(?:uni(?!n|m)|us(?:e|u|a)|ut(?:e|i)|ur(?:a|i)n|uk|u-|eu|ewe|one|once|ubi|ufo)", re.IGNORECASE
)
_SPELT_WITH_VOWEL = frozenset("AEFHILMNORSX")

Kind = Literal["count", "plural", "mass", "proper", "adjective", "thing"]


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun phrase without article, or an adjective."""

    text: str
    kind: Kind

    def some(self) -> str:
        """With its indefinite article, if it takes one."""
        return with_article(self.text) if self.kind == "count" else self.text

    def many(self) -> str:
        """In the plural, if it has one."""
        return plural(self.text) if self.kind == "count" else self.text


THING = Noun("something", "thing")


@dataclass(frozen=True, slots=True)
class RolePhrase:
    """A verb phrase for a role.

    Attributes
    ----------
    singular, plural
        The verb: "has", "contains", "is a child of"; "have", "contain", "are children of".
    noun
        What the verb's object is, before its class is known: "child" for ``hasChild``.
    inverted
        Whether the object is the subject of the verb: "something that a lion eats" for ``eats⁻``.
    """

    singular: str
    plural: str
    noun: Noun | None = None
    inverted: bool = False


def with_article(text: str) -> str:
    """Put "a" or "an" before a phrase, by sound.

    Examples
    --------
    >>> [with_article(word) for word in ("urinal", "umbrella", "hourglass", "SUV", "oven", "university")]
    ['a urinal', 'an umbrella', 'an hourglass', 'an SUV', 'an oven', 'a university']
    """
    first = re.split(r"[\s/]", text, maxsplit=1)[0]
    spelt = re.match(r"[A-Z](?:[A-Z0-9]|-|$)", first)
    if spelt:
        an = first[0] in _SPELT_WITH_VOWEL
    else:
        an = bool(_VOWEL_SOUND.match(first)) and not _CONSONANT_SOUND.match(first)
    return f"{'an' if an else 'a'} {text}"


def plural(text: str) -> str:
    """Plural of a singular noun phrase: its head takes the ending.

    Examples
    --------
    >>> [plural(text) for text in ("body of water", "child", "bench", "night table", "toy")]
    ['bodies of water', 'children', 'benches', 'night tables', 'toys']
    """
    words = text.split(" ")
    at = _head(words)
    words[at] = _plural_word(words[at])
    return " ".join(words)


def _plural_word(word: str) -> str:
    lower = word.lower()
    if lower in _IRREGULAR:
        return _IRREGULAR[lower] if word.islower() else word[0] + _IRREGULAR[lower][1:]
    for ending in ("woman", "man"):
        if lower.endswith(ending) and lower not in ("human", "german", "roman"):
            return word[:-2] + "en"
    if re.search(r"(s|x|z|ch|sh)$", lower):
        return word + "es"
    if re.search(r"[^aeiou]y$", lower):
        return word[:-1] + "ies"
    return word + "s"


def _head(words: list[str]) -> int:
    """Index of the head: the last word before the first preposition or bracket."""
    for at, word in enumerate(words):
        if at and (word.lower() in PREPOSITIONS or word.startswith("(")):
            return at - 1
    return len(words) - 1


def split_words(label: str) -> list[str]:
    """Words of a label; a single CamelCase word is split and, abbreviations apart, lower-cased.

    Examples
    --------
    >>> split_words("BodyOfWater"), split_words("ADE20K"), split_words("has_car")
    (['body', 'of', 'water'], ['ADE20K'], ['has', 'car'])
    """
    words = label.replace("_", " ").split()
    if len(words) == 1:
        parts = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", words[0]).split()
        if len(parts) > 1:
            return [part if len(part) > 1 and part.isupper() else part.lower() for part in parts]
    return words


def _lower_first(words: list[str]) -> list[str]:
    """Lower-case the first letter of an ordinary title.

    Titles start with a capital whether or not they name something proper. The capital stays if the first
    word has another one or is a single letter, if a later word has one, or if the word is a nationality,
    religion or the like.
    """
    first = words[0]
    ordinary = first[:1].isupper() and first[1:2].islower() and first[1:] == first[1:].lower()
    if ordinary and first.lower() not in _PROPER_FIRST and all(w[:1] == w[:1].lower() for w in words[1:]):
        return [first.lower(), *words[1:]]
    return words


@cache
def noun(label: str) -> Noun:
    """Noun phrase, or adjective, for a class label.

    Plural-looking titles and mass nouns take no article. So do coordinations ("food and drink").

    Examples
    --------
    >>> noun("Road vehicles"), noun("Night table"), noun("Toilet paper")
    (Noun(text='road vehicles', kind='plural'), Noun(text='night table', kind='count'), \
Noun(text='toilet paper', kind='mass'))
    """
    words = _lower_first(split_words(label)) or [label]
    text = " ".join(words)
    if len(words) == 1 and text.lower() in _ADJECTIVES:
        return Noun(text, "adjective")
    at = _head(words)
    head = words[at].lower()
    if "and" in words[: at + 1] or head in _MASS or re.search(r"(ology|graphy|onomy|ics|ism|ness|culture)$", head):
        return Noun(text, "mass")
    return Noun(text, "plural" if _looks_plural(head) else "count")


def _looks_plural(word: str) -> bool:
    if word in _PLURAL:
        return True
    return (
        len(word) > 3
        and word.endswith("s")
        and not word.endswith(("ss", "us", "is", "'s"))
        and word not in _SINGULAR_IN_S
    )


def role_subject(label: str) -> str | None:
    """Noun that a role's name starts with: "image" for ``imageContains``."""
    words = [word.lower() for word in split_words(label)]
    return words[0] if len(words) > 1 and words[0] in _SUBJECTS else None


@cache
def role_phrase(label: str, inverse: bool) -> RolePhrase:
    """Verb phrase for a role label.

    ``hasX`` and bare nouns are "has a X", ``isXOf`` and ``XOf`` "is a X of" (and the other way round for
    inverses), prepositions, participles and adjectives follow "is", and verbs in the third person stand as
    they are.

    Examples
    --------
    >>> role_phrase("hasChild", False).singular, role_phrase("hasChild", False).noun
    ('has', Noun(text='child', kind='count'))
    >>> role_phrase("hasChild", True).singular, role_phrase("imageContains", False).plural
    ('is a child of', 'contain')
    """
    words = [word if word.isupper() else word.lower() for word in split_words(label)] or [label]
    if len(words) > 1 and words[0] in _SUBJECTS and words[1] in _THIRD_PERSON | {"has", "is"}:
        words = words[1:]
    relation = _relation(words)
    if relation is not None:
        kind, name = relation
        has = (kind == "has") != inverse
        if has:
            return RolePhrase("has", "have", noun(name))
        return RolePhrase(f"is {with_article(name)} of", f"are {plural(name)} of")
    phrase = _verb(words)
    return RolePhrase(phrase.singular, phrase.plural, None, True) if inverse else phrase


def _relation(words: list[str]) -> tuple[Literal["has", "of"], str] | None:
    """Recognise "has X" and "is X of", which are each other's inverses."""
    first, last = words[0], words[-1]
    if first in ("has", "have"):
        rest = words[1:]
        return None if not rest or rest == ["a"] or set(rest) <= _GENERIC else ("has", " ".join(rest))
    core = words[1:-1] if first == "is" else words[:-1]
    if last == "of" and core and core[0] not in _LEADING and not _takes_no_article(core):
        return "of", " ".join(core)
    known = {"is"} | _THIRD_PERSON | _LEADING
    if first in known or _base(first) or _is_participle(first) or last in PREPOSITIONS:
        return None
    return "has", " ".join(words)


def _takes_no_article(core: list[str]) -> bool:
    word = core[-1]
    return word in (
        "part",
        "made",
        "built",
        "capable",
        "full",
        "typical",
        "proud",
        "aware",
    ) or _is_participle(word)


def _verb(words: list[str]) -> RolePhrase:
    first, last = words[0], words[-1]
    text = " ".join(words)
    if first in ("has", "have"):
        return RolePhrase("has", "have")
    if first == "is":
        rest = " ".join(words[1:]) + ("" if last in PREPOSITIONS or len(words) == 1 or last == "a" else " to")
        return RolePhrase(f"is {rest}".strip(), f"are {rest}".strip())
    if first in _LEADING or _takes_no_article(words[:-1] or [""]) or first.endswith("ing"):
        return RolePhrase(f"is {text}", f"are {text}")
    if _is_participle(first):
        rest = text if last in PREPOSITIONS else f"{text} to"
        return RolePhrase(f"is {rest}", f"are {rest}")
    singular = first if first in _THIRD_PERSON else _base(first) or first
    base = next((b for b, third in _BASES.items() if third == singular), first.removesuffix("s"))
    rest_words = words[1:]
    if rest_words and last not in PREPOSITIONS:
        named = None if set(rest_words) <= _GENERIC else noun(" ".join(rest_words))
        return RolePhrase(singular, base, named)
    return RolePhrase(" ".join([singular, *rest_words]), " ".join([base, *rest_words]))


def _is_participle(word: str) -> bool:
    return len(word) > 3 and word.endswith(("ing", "ed")) and word not in _NOT_PARTICIPLES


def _base(word: str) -> str | None:
    """Third person of a verb given in its base form, if the verb is known."""
    return _BASES.get(word)


def _without_s(third: str) -> str:
    if third.endswith(("ches", "shes", "sses", "xes")):
        return third[:-2]
    return third[:-3] + "y" if third.endswith("ies") and third != "lies" else third[:-1]


_BASES = {_without_s(third): third for third in sorted(_THIRD_PERSON)}
