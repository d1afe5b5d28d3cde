"""Turning sources into knowledge: ontologies, category dumps, image annotations, links of names."""
