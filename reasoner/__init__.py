"""Concept induction: the closed-world model, its atoms, the search, the scores."""
