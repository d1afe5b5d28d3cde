"""And/or formulas as functions of the extensions of their leaves."""

# By number of leaves, in the documented order of ties; the first two of each are symmetric.
TREES = {
    1: [lambda a: a],
    2: [lambda a, b: a & b, lambda a, b: a | b],
    3: [
        lambda a, b, c: a & b & c,
        lambda a, b, c: a | b | c,
        lambda a, b, c: (a | b) & c,
        lambda a, b, c: (a & b) | c,
    ],
    4: [
        lambda a, b, c, d: a & b & c & d,
        lambda a, b, c, d: a | b | c | d,
        lambda a, b, c, d: (a | b) & c & d,
        lambda a, b, c, d: (a & b) | c | d,
        lambda a, b, c, d: (a | b | c) & d,
        lambda a, b, c, d: (a & b & c) | d,
        lambda a, b, c, d: ((a & b) | c) & d,
        lambda a, b, c, d: ((a | b) & c) | d,
        lambda a, b, c, d: (a | b) & (c | d),
        lambda a, b, c, d: (a & b) | (c & d),
    ],
}
