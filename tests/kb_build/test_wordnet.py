"""WordNet's nouns: a small database of our own in the format of wndb(5WN), and the real one where it is installed."""

from pathlib import Path

import pytest
from neurontology.kb_build.annotate import annotate
from neurontology.kb_build.annotation import AnnotatedImage, AnnotatedObject
from neurontology.kb_build.linking import Linker
from neurontology.kb_build.wordnet import build_wordnet, read_senses, read_synsets
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.kb import KB

WORDNET = Path("/usr/share/wordnet")
BASE = "https://w3id.org/neurontology/wordnet/3.0/"
LICENCE = "  1 This is no part of WordNet, only its format.\n  2 WordNet 3.0 Copyright 2006 by Princeton University.\n"
# words; hypernyms, by position; instance of, by position; gloss
SYNSETS = [
    ("entity", [], [], "that which is perceived"),
    ("plant works industrial_plant", [0], [], "buildings for carrying on industrial labor"),
    ("plant flora plant_life", [0], [], 'a living organism; "it | grows"'),
    ("tree", [2], [], "a tall perennial woody plant"),
    ("Yggdrasil Ygdrasil", [], [3], "an ash tree of Norse mythology"),
]
SENSES = {"plant": [1, 2]}


def write(folder: Path, ends: str = "\n") -> Path:
    """Write data.noun and index.noun; the offsets are those of the lines."""
    offsets: list[int] = []

    def lines() -> list[str]:
        found = []
        for (words, above, instance, gloss), offset in zip(SYNSETS, offsets or [0] * len(SYNSETS), strict=True):
            pointers = [f"@ {(offsets or [0] * 9)[a]:08} n 0000" for a in above]
            pointers += [f"@i {(offsets or [0] * 9)[a]:08} n 0000" for a in instance]
            pointers += ["+ 00000009 v 0101", f"~ {offset:08} n 0000"]
            listed = " ".join(f"{word} 0" for word in words.split())
            count = len(words.split())
            found.append(
                f"{offset:08} 03 n {count:02x} {listed} {len(pointers):03} {' '.join(pointers)} | {gloss}  {ends}"
            )
        return found

    position = len(LICENCE)
    starts = []
    for line in lines():
        starts.append(position)
        position += len(line.replace("\r", ""))
    offsets += starts
    (folder / "data.noun").write_bytes((LICENCE + "".join(lines())).encode())
    words = sorted({word.lower() for row in SYNSETS for word in row[0].split()})
    with (folder / "index.noun").open("w") as index:
        index.write(LICENCE)
        for word in words:
            where = SENSES.get(word) or [i for i, row in enumerate(SYNSETS) if word in row[0].lower().split()]
            listed = " ".join(f"{offsets[i]:08}" for i in where)
            index.write(f"{word} n {len(where)} 2 @ ~ {len(where)} 1 {listed}  \n")
    return folder


def links(kb: KB) -> set[tuple[str, str]]:
    told = kb.index.told.parents.tocoo()
    names = [c.removeprefix(BASE) for c in kb.index.classes]
    return {(names[c], names[p]) for c, p in zip(told.row, told.col, strict=True)}


def test_synsets_become_classes(tmp_path: Path) -> None:
    kb = build_wordnet(write(tmp_path), tmp_path / "kb")
    assert links(kb) == {
        ("plant.n.01", "entity.n.01"),
        ("plant.n.02", "entity.n.01"),
        ("tree.n.01", "plant.n.02"),
        ("yggdrasil.n.01", "tree.n.01"),
    }
    assert kb.info()["sources"] == ["wordnet-3.0"]
    assert kb.label(BASE + "plant.n.02") == "plant"
    synset = f"<{BASE}plant.n.02> <http://www.w3.org/2004/02/skos/core#"
    rows = {str(t) for q in kb.store.quads_for_pattern(None, None, None, None) for t in [q.triple]}
    offset = list(read_synsets(tmp_path / "data.noun"))[2].offset
    assert {r for r in rows if r.startswith(synset)} == {
        f'{synset}altLabel> "flora"@en',
        f'{synset}altLabel> "plant life"@en',
        f'{synset}hiddenLabel> "flora.n.01"',
        f'{synset}hiddenLabel> "plant_life.n.01"',
        f'{synset}notation> "n{offset:08}"',
        f'{synset}definition> "a living organism; \\"it | grows\\""@en',
    }


@pytest.mark.parametrize(
    ("name", "local", "method", "confidence"),
    [
        ("plant.n.02", "plant.n.02", "exact title", 1.0),
        ("flora", "plant.n.02", "redirect or synonym", 0.9),
        ("Plant-life", "plant.n.02", "redirect or synonym", 0.9),
        ("works.n.01", "plant.n.01", "redirect or synonym", 0.9),
        ("plant", "plant.n.01", "first of 2 WordNet senses", 0.6),
        ("trees", "tree.n.01", "redirect or synonym, singular of the name", 0.8),
        ("bush", None, "no class found", 0.0),
    ],
)
def test_how_names_are_linked(tmp_path: Path, name: str, local: str | None, method: str, confidence: float) -> None:
    link = Linker(build_wordnet(write(tmp_path), tmp_path / "kb")).link(name)
    assert (link.iri, link.method, link.confidence) == (local and BASE + local, method, confidence)


def test_the_synonyms_of_an_object_tell_its_sense(tmp_path: Path) -> None:
    build_wordnet(write(tmp_path), tmp_path / "kb")
    kb = KB.open(tmp_path / "kb", writable=True)
    flora = AnnotatedObject("1", ("plant", "flora", "plant life"))
    annotate(kb, [AnnotatedImage("a", None, (flora, AnnotatedObject("2", ("plant",))))], dataset="d", origin="x")
    assert sorted(kb.index.classes[c] for _, c, _ in kb.index.types if c >= 0) == [
        BASE + "plant.n.01",
        BASE + "plant.n.02",
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("data.noun", "WordNet 3.0 Copyright", "Copyright", "does not state its version"),
        ("data.noun", " | a tall", " a tall", r"data\.noun:6: is no synset \(no gloss\)"),
        ("data.noun", " n 01 tree", " v 01 tree", r"data\.noun:6: is no synset \(part of speech 'v'\)"),
        ("data.noun", "n 01 tree", "n 02 tree", r"data\.noun:6: is no synset \(the counts do not fit"),
        ("data.noun", "that which is", "what is", r"data\.noun:4: states the offset 00000199 and stands at 00000193"),
        ("data.noun", "mythology  \n", "", r"data\.noun:7: is no synset \(the line is cut short\)"),
        ("index.noun", "tree n 1", "tree n 2", r"index\.noun:\d+: is no index entry"),
        ("index.noun", "tree n 1", "bush n 1", r"lacks the sense \d+ of 'tree'; expected the index of"),
        ("data.noun", "@ 00000300", "@ 00000301", "refers to the hypernym 00000301, which is absent"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    target = write(tmp_path) / file
    text = target.read_text()
    if old.startswith("@ 0"):
        known = text.splitlines()[5].split("@ ")[1][:8]
        old, new, message = f"@ {known}", "@ 00000001", "refers to the hypernym 00000001, which is absent"
    assert old in text
    target.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        build_wordnet(tmp_path, tmp_path / "kb")
    assert not (tmp_path / "kb").exists()


def test_a_place_that_is_taken_is_refused_before_the_files_are_read(tmp_path: Path) -> None:
    (write(tmp_path) / "data.noun").write_text("broken")
    (tmp_path / "kb").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        build_wordnet(tmp_path, tmp_path / "kb")


def test_changed_line_ends_are_noticed(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"data\.noun:4: states the offset \d+ and stands at \d+\. The file was changed"
    ):
        list(read_synsets(write(tmp_path, "\r\n") / "data.noun"))


def test_a_folder_without_the_files_is_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.noun: the file does not exist.*install wordnet-base"):
        build_wordnet(tmp_path, tmp_path / "kb")


@pytest.mark.skipif(not (WORDNET / "data.noun").is_file(), reason="WordNet is not installed (Debian: wordnet-base)")
def test_the_real_wordnet_has_its_published_numbers() -> None:
    # wnstats(7WN) of WordNet 3.0: 117 798 unique noun strings, 82 115 noun synsets, 146 312 word-sense pairs.
    synsets = list(read_synsets(WORDNET / "data.noun"))
    senses = read_senses(WORDNET / "index.noun")
    assert len(synsets) == 82_115
    assert len(senses) == 117_798
    assert sum(map(len, senses.values())) == 146_312


@pytest.mark.skipif(not (WORDNET / "data.noun").is_file(), reason="WordNet is not installed (Debian: wordnet-base)")
def test_the_real_wordnet_as_a_knowledge_base(tmp_path: Path) -> None:
    kb = build_wordnet(WORDNET, tmp_path / "kb")
    index = kb.index
    assert len(index.classes) == 82_115
    assert [index.classes[r] for r in index.told.roots] == [BASE + "entity.n.01"]
    dog = index.classes.id(BASE + "dog.n.01")
    assert dog is not None
    # Known to every reader of WordNet; 82 192 lines of 3.1 would give other names.
    above = {index.classes[a].removeprefix(BASE) for a in index.told.ancestors(dog)}
    assert {"domestic_animal.n.01", "canine.n.02", "mammal.n.01", "entity.n.01"} <= above
    assert Linker(kb).link("n02084071").iri == BASE + "dog.n.01"
