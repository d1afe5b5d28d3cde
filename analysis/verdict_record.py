"""Rows of a verification as they are printed, written and recorded: with the reasons of each verdict in words."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from ..bridge.run import Run
from ..ontology.errors import UsageError
from .report_wording import chance_sentence, verdict_reasons
from .verification import VerificationRow

_PLAIN: Final = str.maketrans("\u00a0\u202f", "  ")


def verdict_records(
    rows: Sequence[VerificationRow], run: Run | None = None, *, tested: int | None = None
) -> list[dict[str, Any]]:
    """Give the records that ``verify --json`` and ``verify-table --json`` print.

    Parameters
    ----------
    rows
        Rows whose p-values were adjusted.
    run
        The run whose labels they are, for the permutation p of its inductions.
    tested
        Number of labels whose p-values were adjusted together; those of the rows by default.

    Returns
    -------
    list of dict
        The keys of a row, then ``permutation_p`` (None where no permutations were drawn) and ``reasons``, the
        sentences that lead to the verdict.
    """
    units = {record["unit"]: record for record in run.units} if run else {}
    if tested is None:
        tested = sum(row.p is not None for row in rows)
    records = []
    for row in rows:
        induced = units.get(row.unit, {})
        reasons = [*verdict_reasons(row, threshold=row.threshold, tested=tested), chance_sentence(induced)]
        records.append(
            {
                **row.to_json(),
                "permutation_p": induced.get("permutation_p"),
                "reasons": [reason.translate(_PLAIN) for reason in reasons if reason],
            }
        )
    return records


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write mappings with the same keys as a CSV file; what is unknown stays empty.

    Raises
    ------
    UsageError
        The file exists already.
    """
    table = list(rows)
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(table[0]) if table else [], lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
    except FileExistsError as error:
        raise UsageError("exists already", where=path, expected="the name of a new file") from error
