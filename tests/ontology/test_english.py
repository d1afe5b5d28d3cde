"""English, against sentences written by hand."""

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.ontology.expression import And, Named, Not, Or, Role, Some
from neurontology.ontology.names import NameTable
from neurontology.ontology.syntax import ExpressionSyntaxError
from neurontology.ontology.syntax.dl import parse
from neurontology.ontology.syntax.english import render
from neurontology.ontology.syntax.wording import noun, plural, role_phrase, with_article

ADE20K = [
    ("∃ imageContains.Road", "an image that contains a road"),
    ("∃ imageContains.(Road ⊓ Car)", "an image that contains something that is both a road and a car"),
    ("∃ imageContains.Road ⊓ ¬∃ imageContains.Car", "an image that contains a road and no car"),
    (
        "¬∃ imageContains.Car ⊓ ∃ imageContains.Tree ⊓ ∃ imageContains.Road",
        "an image that contains a tree, a road and no car",
    ),
    ("∃ imageContains.(Road ⊔ Car)", "an image that contains a road or a car"),
    ("∃ imageContains.Road ⊔ ∃ imageContains.Car", "an image that contains a road or a car"),
    ("∃ imageContains.(Road ⊓ ¬Car)", "an image that contains a road that is not a car"),
    (
        "∃ imageContains.(¬Car ⊓ ¬Tree)",
        "an image that contains something that is neither a car nor a tree",
    ),
    ("¬∃ imageContains.(Road ⊔ Car)", "an image that contains neither a road nor a car"),
    ("¬∃ imageContains.(Road ⊓ Car)", "an image that contains nothing that is both a road and a car"),
    ("∃ imageContains.Road_vehicles", "an image that contains road vehicles"),
    ("∃ imageContains.Solar_System_objects", "an image that contains Solar System objects"),
    ("∃ imageContains.Food_and_drink", "an image that contains food and drink"),
    ("∃ imageContains.(WN_Building ⊓ Building)", "an image that contains a building"),
    ("∃ imageContains.(Car ⊓ Road_vehicles)", "an image that contains a car that is among road vehicles"),
    (
        "∃ imageContains.Toilet_paper ⊓ ∃ imageContains.WN_Urinal ⊓ ∃ imageContains.Umbrella",
        "an image that contains toilet paper, a urinal and an umbrella",
    ),
    (
        "∃ imageContains.(¬Artifact ⊔ BodyOfWater)",
        "an image that contains something that is a body of water or is not an artifact",
    ),
    (
        "(∃ imageContains.Road ⊓ ∃ imageContains.Tree) ⊔ ∃ imageContains.Car",
        "an image that either contains a car, or contains a road and a tree",
    ),
    (
        "∃ imageContains.Tree ⊓ (∃ imageContains.Road ⊔ ∃ imageContains.Car)",
        "an image that contains a tree, and contains either a road or a car",
    ),
    ("Market ⊓ ∃ imageContains.Fruit", "an image that shows a market and contains fruit"),
    ("∀ imageContains.Road", "an image that contains only roads"),
    ("≥ 2 imageContains.Bench", "an image that contains at least 2 benches"),
    ("≤ 1 imageContains.Person", "an image that contains at most 1 person"),
    ("≥ 2 imageContains.Person ⊓ ≤ 2 imageContains.Person", "an image that contains exactly 2 people"),
    ("¬≥ 1 imageContains.Car", "an image that contains no car"),
    ("≤ 0 imageContains.Car", "an image that contains no car"),
    ("¬∃ imageContains.⊤", "an image that contains nothing"),
    (
        "∃ imageContains.(Car ⊓ ∃ hasPart.Wheel) ⊓ ∃ imageContains.Tree",
        "an image that contains a tree and a car that has a part that is a wheel",
    ),
    (
        "∃ imageContains.(Culture ⊓ Humanities ⊓ Society)",
        "an image that contains culture that is among humanities and is society",
    ),
    (
        "∃ imageContains.(Person ⊓ ∃ wearing.Hat ⊓ ∃ sitting_on.Chair)",
        "an image that contains a person that is wearing a hat and is sitting on a chair",
    ),
]
FAMILY = [
    ("∃ hasChild.male", "something that has a child that is male"),
    ("male ⊓ ∃ hasChild.⊤", "something that is male and has a child"),
    ("Person ⊓ ¬∃ hasChild.⊤", "a person that has no child"),
    ("Person ⊓ ∀ hasChild.female", "a person that has only children that are female"),
    ("Person ⊓ ∀ hasChild.¬female", "a person that has no child that is female"),
    (
        "≥ 2 hasChild.(male ⊓ ∃ hasChild.⊤)",
        "something that has at least 2 children that are male and have a child",
    ),
    ("∃ isParentOf.Doctor", "something that is a parent of a doctor"),
    ("∃ hasChild⁻.Doctor", "something that is a child of a doctor"),
    ("∃ isParentOf⁻.Doctor", "something that has a parent that is a doctor"),
    ("∃ sibling.∃ parent.male", "something that has a sibling that has a parent that is male"),
    (
        "male ⊓ (∃ married.∃ sibling.⊤ ⊔ ∃ sibling.∃ parent.male)",
        "something that is male, and either is married to something that has a sibling "
        "or has a sibling that has a parent that is male",
    ),
    ("¬(male ⊔ female)", "something that is neither male nor female"),
]
TRAINS = [
    ("train ⊓ ∃ has_car.(long ⊓ closed)", "a train that has a car that is long and closed"),
    ("∃ hasCar.LongCar", "something that has a long car"),
    ("∀ hasCar.¬LongCar", "something that has no long car"),
    ("∀ hasCar.LongCar", "something that has only long cars"),
    ("∃ hasCar.(¬LongCar ⊔ OpenCar)", "something that has a car that is an open car or is not a long car"),
    (
        "Train ⊓ ≥ 2 hasCar.LongCar ⊓ ∃ hasLoad.Triangle",
        "a train that has at least 2 long cars and a load that is a triangle",
    ),
]
OTHERS = [
    ("Road ⊔ Car", "a road or a car"),
    ("⊤", "anything"),
    ("⊥", "nothing"),
    ("¬¬Road", "a road"),
    ("¬Road", "something that is not a road"),
    ("∃ isPartOf.Car", "something that is part of a car"),
    ("∃ worksFor.Company", "something that works for a company"),
    ("Animal ⊓ ∃ eats.Meat ⊓ ∀ eats.Meat", "an animal that eats meat and only meat"),
    ("Animal ⊓ ∃ eats⁻.Lion", "an animal that a lion eats"),
    ("∃ next_to.Table", "something that is next to a table"),
    ("Person ⊓ ∃ age.[≥ 18]", "a person that has an age of at least 18"),
    ("Person ⊓ ¬∃ age.[≥ 18]", "a person that has no age of at least 18"),
    ('∃ hasName.{"Ann"}', 'something that has a name of "Ann"'),
    ("Door ⊓ ∃ isOpen.{true}", "a door that is open"),
]


def named(name):
    return f"http://example.org/kb#{name}"


@pytest.mark.parametrize(("text", "sentence"), ADE20K + FAMILY + TRAINS + OTHERS)
def test_sentences_written_by_hand(text, sentence):
    assert render(parse(text, named)) == sentence


def test_different_nesting_never_reads_the_same():
    # the second conjunct belongs to the inner thing, to the outer thing, to the whole
    sentences = [
        render(parse(text, named))
        for text in (
            "∃ hasCar.∃ hasLoad.(Triangle ⊓ ∃ hasSide.Edge)",
            "∃ hasCar.(∃ hasLoad.Triangle ⊓ ∃ hasSide.Edge)",
            "∃ hasCar.∃ hasLoad.Triangle ⊓ ∃ hasSide.Edge",
        )
    ]
    assert sentences == [
        "something that has a car that has a load that both is a triangle and has a side that is an edge",
        "something that has a car that both has a load that is a triangle and has a side that is an edge",
        "something that has a car that has a load that is a triangle, and has a side that is an edge",
    ]


def test_the_subject_can_be_given():
    assert render(parse("∃ shows.Road", named), subject="photo") == "a photo that shows a road"
    assert render(parse("⊤", named), subject="photo") == "any photo"


def test_given_labels_are_used():
    table = NameTable(label_of={named("n1"): "traffic light", named("p"): "shows"}.get)
    assert render(parse("∃ p.n1", named), table.label) == "something that shows a traffic light"


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_expression_has_a_sentence_without_double_negatives_or_symbols(expressions, data):
    names = [named(name) for name in ("Road", "Road_vehicles", "Water", "male", "LongCar", "Café")]
    roles = [named(name) for name in ("imageContains", "hasCar", "isPartOf", "married", "on", "eats")]
    values = st.tuples(st.sampled_from(["5", "18"]), st.just("http://www.w3.org/2001/XMLSchema#integer"))
    sentence = render(data.draw(expressions(names, roles, [named("age")], values)))
    assert sentence == " ".join(sentence.split())
    assert "not not" not in sentence
    assert "no no " not in sentence
    assert not set('⊓⊔¬∃∀≥≤#<>_"') & set(sentence)


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("Bus", "count"),
        ("Glass", "mass"),
        ("Stairs", "plural"),
        ("People", "plural"),
        ("Branches of biology", "plural"),
        ("Animals by adaptation", "plural"),
        ("Health sciences", "plural"),
        ("Zoology", "mass"),
        ("Crane (machine)", "count"),
        ("male", "adjective"),
        ("Analysis", "count"),
    ],
)
def test_kinds_of_nouns(label, kind):
    assert noun(label).kind == kind


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("Night table", "night table"),
        ("Medical Subject Headings", "Medical Subject Headings"),
        ("American cuisine", "American cuisine"),
        ("SUV", "SUV"),
        ("StationaryArtifact", "stationary artifact"),
        ("T-shirt", "T-shirt"),
    ],
)
def test_capitals_of_titles(label, text):
    assert noun(label).text == text


@pytest.mark.parametrize(
    ("phrase", "article"),
    [
        ("apple", "an"),
        ("urinal", "a"),
        ("umbrella", "an"),
        ("hour", "an"),
        ("house", "a"),
        ("SUV", "an"),
        ("UFO", "a"),
        ("one-way street", "a"),
        ("European car", "a"),
        ("8-ball", "an"),
        ("unimportant thing", "an"),
        ("X-ray", "an"),
        ("ADE20K image", "an"),
    ],
)
def test_articles(phrase, article):
    assert with_article(phrase) == f"{article} {phrase}"


def test_plurals():
    singular = ["woman", "human", "bookshelf", "city", "toy", "box", "type of toy", "sheep", "bus stop"]
    several = [
        "women",
        "humans",
        "bookshelves",
        "cities",
        "toys",
        "boxes",
        "types of toy",
        "sheep",
        "bus stops",
    ]
    assert [plural(word) for word in singular] == several


@pytest.mark.parametrize(
    ("label", "singular", "many"),
    [
        ("imageContains", "contains", "contain"),
        ("hasPart", "has", "have"),
        ("isChildOf", "is a child of", "are children of"),
        ("childOf", "is a child of", "are children of"),
        ("partOf", "is part of", "are part of"),
        ("madeOf", "is made of", "are made of"),
        ("located_in", "is located in", "are located in"),
        ("wearing", "is wearing", "are wearing"),
        ("in front of", "is in front of", "are in front of"),
        ("worksFor", "works for", "work for"),
        ("touches", "touches", "touch"),
        ("carries", "carries", "carry"),
        ("sibling", "has", "have"),
    ],
)
def test_verbs_of_roles(label, singular, many):
    phrase = role_phrase(label, False)
    assert (phrase.singular, phrase.plural) == (singular, many)


def test_every_published_solution_has_a_sentence(shared_data):
    seen = set()
    for path in sorted((shared_data / "ade20k-kb" / "experiments").rglob("*wiki*_solutions.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                try:
                    e = parse(row["expression"], lambda name: named(name.lstrip(":")))
                except ExpressionSyntaxError:
                    continue  # ECII printed null for a class
                sentence = render(e)
                assert sentence.startswith("an image that "), (row, sentence)
                seen.add(sentence)
    assert len(seen) > 100


def test_an_image_shows_its_own_classes() -> None:
    coast, harbour, boat = (Named(f"http://a.org/#{name}") for name in ("Coasts", "harbour", "boat"))
    contains = Role("http://a.org/#imageContains")
    assert render(Or((coast, harbour)), subject="image") == "an image that shows coasts or a harbour"
    assert render(Not(harbour), subject="image") == "an image that shows no harbour"
    assert (
        render(And((harbour, Not(Some(contains, boat)))), subject="image")
        == "an image that shows a harbour and contains no boat"
    )
