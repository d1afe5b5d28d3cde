"""Embeddings kept on disk: computed once for a model and texts, and again where a file is of no use."""

import numpy as np
import pytest
from neurontology.analysis.scorers.embedding_cache import BLOCK, EmbeddingCache, cache_folder

TEXTS = [f"text {n}" for n in range(BLOCK + 600)]


class Counting:
    """Embeds a text by its length and its hash, and counts the texts."""

    def __init__(self) -> None:
        self.texts = 0

    def __call__(self, texts) -> np.ndarray:
        self.texts += len(texts)
        return np.asarray([[len(text), sum(map(ord, text))] for text in texts], np.float32).reshape(-1, 2)


def test_a_vocabulary_is_embedded_once(tmp_path):
    plain = Counting()
    expected = plain(TEXTS)
    first, second = Counting(), Counting()
    assert np.array_equal(EmbeddingCache("m 1", first, tmp_path)(TEXTS), expected)
    assert np.array_equal(EmbeddingCache("m 1", second, tmp_path)(TEXTS), expected)
    assert (first.texts, second.texts) == (len(TEXTS), 0)
    assert len(list((tmp_path / "embeddings").iterdir())) == 2


def test_other_models_and_other_texts_are_embedded_anew(tmp_path):
    EmbeddingCache("m 1", Counting(), tmp_path)(TEXTS)
    other = Counting()
    EmbeddingCache("m 2", other, tmp_path)(TEXTS)
    assert other.texts == len(TEXTS)
    changed = Counting()
    EmbeddingCache("m 1", changed, tmp_path)([*TEXTS[:-1], "another"])
    assert changed.texts == 600


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_a_broken_file_is_made_again(tmp_path, content):
    EmbeddingCache("m", Counting(), tmp_path)(TEXTS)
    for file in (tmp_path / "embeddings").iterdir():
        file.write_bytes(content)
    again, after = Counting(), Counting()
    assert np.array_equal(EmbeddingCache("m", again, tmp_path)(TEXTS), Counting()(TEXTS))
    EmbeddingCache("m", after, tmp_path)(TEXTS)
    assert (again.texts, after.texts) == (len(TEXTS), 0)


def test_a_file_of_another_shape_is_not_taken(tmp_path):
    EmbeddingCache("m", Counting(), tmp_path)(TEXTS)
    for file in (tmp_path / "embeddings").iterdir():
        np.save(file, np.zeros((3, 2), np.float32))
    again = Counting()
    EmbeddingCache("m", again, tmp_path)(TEXTS)
    assert again.texts == len(TEXTS)


def test_few_texts_are_not_kept(tmp_path):
    EmbeddingCache("m", Counting(), tmp_path)(TEXTS[:100])
    assert EmbeddingCache("m", Counting(), tmp_path)([]).shape == (0, 2)
    assert not (tmp_path / "embeddings").exists()


def test_where_nothing_can_be_written_embeddings_are_not_kept(tmp_path):
    (tmp_path / "embeddings").write_text("a file in the place of the folder")
    assert np.array_equal(EmbeddingCache("m", Counting(), tmp_path)(TEXTS), Counting()(TEXTS))


def test_the_folder_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    monkeypatch.delenv("NEURONTOLOGY_CACHE", raising=False)
    assert cache_folder() == tmp_path / "x" / "neurontology"
    monkeypatch.setenv("NEURONTOLOGY_CACHE", str(tmp_path / "y"))
    assert cache_folder() == tmp_path / "y"
