"""Issued scores: they stay, and today's become a revision beside them if they differ."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_dagster.datamart.engine import NewFile
from credit_risk_dagster.datamart.stored_rows import copy_rows, read_files
from credit_risk_dagster.datamart.writer import MonthWriter
from credit_risk_dagster.tables.inference import PREDICTIONS

REVISION = "revision"

SAME_SCORE = 1e-9
"""Scores that differ by less are the same."""

WriteScores = Callable[[int, NewFile], None]
"""Writes today's scores in key order, as a given revision, to the files that it is given."""


def stage_scores(
    writer: MonthWriter, month: str, issued: Sequence[Path], write: WriteScores | None
) -> list[Path]:
    """Write the files of a month of scores: what was issued, and today's scores if they differ.

    Args:
        writer: of the month.
        month: the month.
        issued: the files of what is recorded of the month, every revision.
        write: writes today's scores; None where no model is in production.

    Returns:
        The files of today's scores, until the writer commits also where they change nothing.
    """
    newest = newest_revision(issued)
    if newest is not None:
        copy_rows(issued, PREDICTIONS.schema, writer.new_file(month))
    if write is None:
        return []
    scored: list[Path] = []

    def aside(_month: str, _disposition: str) -> Path:
        writer.staging.mkdir(exist_ok=True)
        scored.append(writer.staging / f"{len(scored)}.parquet")
        return scored[-1]

    def in_place(month: str, disposition: str) -> Path:
        scored.append(writer.new_file(month, disposition))
        return scored[-1]

    if newest is None:
        write(0, in_place)
        return scored
    write(newest + 1, aside)
    if is_same(issued, newest, scored):
        return scored
    return [path.rename(writer.new_file(month)) for path in scored]


def newest_scores(rows: pa.Table) -> pa.Table:
    """Return the scores of a month as they stand: the rows of the newest revision."""
    revisions = rows.column(REVISION)
    return rows.filter(pc.equal(revisions, pc.max(revisions)))


def newest_revision(files: Sequence[Path]) -> int | None:
    """Return the number of the newest revision in files of scores; None without scores."""
    newest: int | None = pc.max(_column(files, REVISION)).as_py()
    return newest


def is_same(issued: Sequence[Path], newest: int, scored: Sequence[Path]) -> bool:
    """Return whether scores differ from a revision in no text and in no number by more than 1e-9.

    A new engine or library that moves a score by less issues no other score. One column at a time
    is held.
    """
    is_newest = pc.equal(_column(issued, REVISION), newest)
    if pc.sum(is_newest).as_py() != len(_column(scored, REVISION)):
        return False
    return all(
        _same_column(_column(issued, name).filter(is_newest), _column(scored, name))
        for name in PREDICTIONS.schema.names
        if name != REVISION
    )


def _column(files: Sequence[Path], name: str) -> pa.ChunkedArray:
    return read_files(files, pa.schema([PREDICTIONS.schema.field(name)])).column(name)


def _same_column(issued: pa.ChunkedArray, scored: pa.ChunkedArray) -> bool:
    if not pa.types.is_floating(issued.type):
        return bool(issued.equals(scored))
    then, now = issued.to_numpy(), scored.to_numpy()
    return bool(np.allclose(then, now, rtol=0, atol=SAME_SCORE, equal_nan=True))
