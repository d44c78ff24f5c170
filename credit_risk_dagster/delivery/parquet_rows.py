"""The rows of a Parquet file as text, many at a time, each one judged by itself."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.dates import month_form, months_written
from credit_risk_dagster.delivery.encoding import encoding_of
from credit_risk_dagster.delivery.formats import DamagedError
from credit_risk_dagster.delivery.judged import LINE_LIMIT, Fault, Judged, worst
from credit_risk_dagster.delivery.syntax import NO_MONTH, Integers, Truths
from credit_risk_dagster.delivery.texts import as_text

_BATCH_BYTES = 4 << 20
_BATCH_ROWS = 8_192
_READ_BYTES = 1 << 20


def parquet_names(stream: IO[bytes]) -> list[str]:
    """Return the names of the columns of a Parquet file.

    Raises:
        DamagedError: if it is none, or damaged.
    """
    with _damage_told():
        return list(_open(stream).schema_arrow.names)


def read_rows(stream: IO[bytes], names: Sequence[str], source: Source) -> Iterator[Judged]:
    """Yield the rows of a Parquet file, some megabytes at a time.

    Args:
        stream: the file.
        names: the columns of the header, in the file's order.
        source: whose they are: which of them tells the month, and how their text is written.

    Raises:
        DamagedError: if the file is damaged.
    """
    number = 1
    for rows in _text_tables(stream, names, source.dialect):
        yield _judge(rows, number, source)
        number += len(rows)


def _text_tables(stream: IO[bytes], names: Sequence[str], dialect: Dialect) -> Iterator[pa.Table]:
    with _damage_told():
        file = _open(stream)
        missing = file.metadata.num_rows
        for batch in file.iter_batches(batch_size=_rows_at_once(file.metadata)):
            missing -= batch.num_rows
            texts = [
                _written(column, name, dialect)
                for column, name in zip(batch.columns, names, strict=True)
            ]
            yield pa.table(texts, names=list(names))
        if missing:
            raise DamagedError(f"{missing} rows fewer than it says")


def _open(stream: IO[bytes]) -> pq.ParquetFile:
    return pq.ParquetFile(
        stream, buffer_size=_READ_BYTES, pre_buffer=False, page_checksum_verification=True
    )


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, ValueError, OverflowError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not the file's
            raise
        raise DamagedError(str(error)) from error


def _written(values: pa.Array, name: str, dialect: Dialect) -> pa.Array:
    try:
        return as_text(values, dialect)
    except (pa.ArrowException, ValueError, OverflowError) as error:  # whose text may be data
        raise DamagedError(
            f"{name} holds values of {values.type} that no text stands for"
        ) from error


def _rows_at_once(metadata: pq.FileMetaData) -> int:
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    of_a_row = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return min(max(_BATCH_BYTES // max(of_a_row, 1), 1), _BATCH_ROWS)


def _judge(rows: pa.Table, first_number: int, source: Source) -> Judged:
    columns = [column.combine_chunks() for column in rows.columns]
    months = _months(columns[rows.column_names.index(source.month_header)], source)
    lengths = [pc.binary_length(column).to_numpy() for column in columns]
    found = {
        Fault.DATE: months == NO_MONTH,
        Fault.ENCODING: np.any([_not_utf8(column) for column in columns], axis=0),
        Fault.NUL: np.any([_holding_nul(column) for column in columns], axis=0),
        Fault.TOO_LONG: np.sum(lengths, axis=0, dtype=np.int64) > LINE_LIMIT,
    }
    return Judged(
        numbers=np.arange(first_number, first_number + len(rows)),
        field_counts=np.full(len(rows), len(columns)),
        months=months,
        faults=worst(found),
        values=lambda chosen: rows.take(pa.array(chosen)),
        as_delivered=lambda row: _as_json(rows.slice(row, 1)),
    )


def _months(texts: pa.Array, source: Source) -> Integers:
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int32)[texts.offset :][: len(texts) + 1]
    held = np.frombuffer(data if data is not None else b"", dtype=np.uint8)
    starts, ends = bounds[:-1].astype(np.int64), bounds[1:].astype(np.int64)
    return months_written(held, starts, ends, month_form(source))


def _not_utf8(texts: pa.Array) -> Truths:
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return np.array([not _is_utf8(text) for text in texts.cast(pa.binary()).to_pylist()])
    return np.zeros(len(texts), dtype=np.bool_)


def _is_utf8(text: bytes) -> bool:
    return encoding_of("utf-8").is_valid(text)


def _holding_nul(texts: pa.Array) -> Truths:
    holding: Truths = pc.match_substring(texts, "\0").to_numpy(zero_copy_only=False)
    return holding


def _as_json(row: pa.Table) -> str:
    """Return a row as a JSON object of header and value, bytes that are not text escaped."""
    values = {
        name: column.cast(pa.binary())[0].as_py().decode("utf-8", "backslashreplace")
        for name, column in zip(row.column_names, row.columns, strict=True)
    }
    return json.dumps(values, ensure_ascii=False)
