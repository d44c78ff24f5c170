"""The content hash of a table: its values, whatever file or memory layout carries them."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

SLICE_ROWS = 65_536

_LAYOUT = b"credit-risk content hash 1"


def content_hash(table: pa.Table) -> str:
    """Return the SHA-256 of a table's column names, types and values, in the order given.

    Equal for any chunking, dictionary encoding, string width, nullability flag or file. -0.0
    equals 0.0 and every NaN equals every other; a null equals neither "" nor 0. Sort the rows
    first: their order counts.

    Raises:
        TypeError: if a column is neither text, number, truth value, date nor timestamp.
    """
    return hash_batches(table.schema, table.to_batches())


def hash_batches(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> str:
    """Return the `content_hash` of a stream of batches, holding 65,536 rows at a time.

    Raises:
        TypeError: if a column is neither text, number, truth value, date nor timestamp.
        ValueError: if a batch has columns of other names or types than the schema.
    """
    digest = hashlib.sha256(_LAYOUT)
    digest.update(_schema_bytes(schema))
    for parts in _slices(_checked(schema, batches)):
        digest.update(sum(part.num_rows for part in parts).to_bytes(8, "little"))
        for position in range(len(schema)):
            column = pa.concat_arrays([_plain_column(part.column(position)) for part in parts])
            for values in _value_bytes(column):
                digest.update(values.data)
    return digest.hexdigest()


def _checked(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Check that batches are of one schema."""
    described = _describe(schema)
    for batch in batches:
        if _describe(batch.schema) != described:
            raise ValueError(f"a batch has columns of other names or types: {batch.schema.names}")
        yield batch


def _plain_column(column: pa.Array) -> pa.Array:
    """Give equal content one encoding; only of one column at a time, since it takes memory."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.large_string()) if _is_text(column.type) else column


def _slices(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Cut batches of any length into slices of `SLICE_ROWS`, the last one shorter; in parts."""
    parts: list[pa.RecordBatch] = []
    missing = SLICE_ROWS
    for batch in batches:
        start = 0
        while batch.num_rows - start >= missing:
            yield [*parts, batch.slice(start, missing)]
            start += missing
            parts, missing = [], SLICE_ROWS
        if start < batch.num_rows:
            parts.append(batch.slice(start))
            missing -= batch.num_rows - start
    if parts:
        yield parts


def _describe(schema: pa.Schema) -> list[tuple[str, str]]:
    return [(field.name, _type_name(field)) for field in schema]


def _type_name(field: pa.Field) -> str:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if _is_text(kind):
        return "string"
    known = (
        pa.types.is_integer(kind)
        or pa.types.is_float32(kind)
        or pa.types.is_float64(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_date32(kind)
        or pa.types.is_timestamp(kind)
    )
    if not known:
        raise TypeError(f"column {field.name} has the type {field.type}, which has no content hash")
    return str(kind)


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _schema_bytes(schema: pa.Schema) -> bytes:
    """Return names and types, each behind its length, so that no two schemas read alike."""
    texts = [text.encode() for pair in _describe(schema) for text in pair]
    parts = (len(text).to_bytes(8, "little") + text for text in texts)
    return len(schema).to_bytes(8, "little") + b"".join(parts)


def _value_bytes(column: pa.Array) -> Iterator[npt.NDArray[Any]]:
    """Yield which values are present, then the values, in a layout of fixed width and order."""
    yield np.packbits(column.is_valid().to_numpy(zero_copy_only=False))
    if _is_text(column.type):
        yield from _text_bytes(column)
    else:
        yield _number_bytes(column)


def _text_bytes(column: pa.Array) -> Iterator[npt.NDArray[Any]]:
    filled = pc.fill_null(column, "")
    _, offset_buffer, data_buffer = filled.buffers()
    offsets = np.frombuffer(offset_buffer, dtype="<i8")[filled.offset :][: len(filled) + 1]
    yield np.diff(offsets)
    if data_buffer is not None:
        yield np.frombuffer(data_buffer, dtype=np.uint8)[offsets[0] : offsets[-1]]


def _number_bytes(column: pa.Array) -> npt.NDArray[Any]:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    elif pa.types.is_date32(column.type):
        column = column.view(pa.int32())
    elif pa.types.is_timestamp(column.type):
        column = column.view(pa.int64())
    values: npt.NDArray[Any] = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        values = values + values.dtype.type(0)  # -0.0 becomes 0.0
        values[np.isnan(values)] = np.nan
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
