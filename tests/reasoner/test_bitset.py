"""Packing against Python integers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from neurontology.reasoner.bitset import mask, pack, popcount, unpack, word_count
from neurontology.reasoner.popcount import CHUNK, count_words, padded


@given(st.lists(st.lists(st.booleans(), min_size=0, max_size=200), min_size=1, max_size=4))
def test_words_are_the_little_endian_integer(rows):
    n = min(map(len, rows))
    bits = np.array([r[:n] for r in rows], dtype=bool).reshape(len(rows), n)
    words = pack(bits)
    assert words.shape == (len(rows), word_count(n))
    assert words.dtype == np.uint64
    for row, packed in zip(bits, words, strict=True):
        number = sum(1 << i for i, bit in enumerate(row) if bit)
        assert sum(int(w) << (64 * k) for k, w in enumerate(packed)) == number
    assert np.array_equal(unpack(words, n), bits)
    assert popcount(words).tolist() == bits.sum(axis=1).tolist()


@given(st.sets(st.integers(0, 300), max_size=40))
def test_mask_sets_exactly_its_members(members):
    words = mask(np.array(sorted(members), dtype=np.int64), 301)
    assert np.flatnonzero(unpack(words, 301)).tolist() == sorted(members)
    assert count_words(words) == len(members)


@pytest.mark.parametrize("words", [1, 8, 9, 63, 64, 65, 391])
def test_padding_is_least_and_whole_chunks(words):
    size = padded(words)
    assert size >= words
    assert size - words < (8 if words <= CHUNK else CHUNK)
    assert size <= CHUNK or size % CHUNK == 0
