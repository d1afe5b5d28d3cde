"""Kernels are compiled once for a machine, not by each process, and a process that only reads them is not slow."""

import os
import subprocess
import sys
from pathlib import Path


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    ontology = tmp_path / "o.ttl"
    ontology.write_text(
        "@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> . :r a owl:ObjectProperty ."
        ":a a :A ; :r :b . :b a :B . :c a :A ; :r :a . :d a :B ."
    )
    (tmp_path / "positives.txt").write_text("a\n")
    (tmp_path / "negatives.txt").write_text("c\nd\n")
    command = [sys.executable, "-X", "importtime", "-m", "neurontology", "induce", "--kb", str(ontology), "--json"]
    command += [f"--{side}={tmp_path / side}.txt" for side in ("positives", "negatives")]
    environment = {**os.environ, "NUMBA_DEBUG_CACHE": "1"}
    printed = [subprocess.run(command, env=environment, capture_output=True, text=True, check=True) for _ in range(2)]
    assert "data loaded" in printed[1].stdout
    assert "data saved" not in printed[1].stdout
    imported = {line.rpartition("|")[2].strip() for line in printed[1].stderr.splitlines()}
    assert "numba" in imported
    # What the compiler alone needs, and what only knowledge of certain kinds needs.
    assert imported.isdisjoint({"numba.np.arraymath", "scipy.sparse.csgraph"})
