"""Values of a Parquet file as the text that a dialect would have written."""

import json

import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.delivery.dates import date_form, dates_as_text

_TEXTS = (pa.string(), pa.large_string(), pa.string_view())
_BYTES = (pa.binary(), pa.large_binary(), pa.binary_view())


def as_text(values: pa.Array, dialect: Dialect) -> pa.Array:
    """Return values as text, a missing one as the empty text.

    Days are written in the form of the dialect, numbers in full and with its decimal sign, those
    of floating point as the shortest text that reads as the same number; what has parts (lists,
    structs, maps) as JSON. Bytes are taken for UTF-8, which is not checked.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.dictionary_decode()
        return as_text(values, dialect)
    if isinstance(values, pa.ExtensionArray):
        return as_text(values.storage, dialect)
    if kind in _TEXTS or kind in _BYTES or pa.types.is_fixed_size_binary(kind):
        text = _unchecked(values)
    elif pa.types.is_decimal(kind):
        text = _signed(_decimals(values, kind.scale), dialect)
    elif pa.types.is_floating(kind):
        text = _signed(values.cast(pa.string()), dialect)
    elif pa.types.is_timestamp(kind):
        text = _timestamps(values, dialect)
    elif pa.types.is_date(kind):
        days = values.cast(pa.date32(), safe=False)
        text = dates_as_text(days, date_form(dialect.dates))
    elif pa.types.is_nested(kind):
        text = _json(values)
    else:
        text = values.cast(pa.string())
    return pc.fill_null(text, "")


def _unchecked(values: pa.Array) -> pa.Array:
    """Take bytes for text without a look at them; they are judged row by row later."""
    if values.type not in (pa.string(), pa.binary()):
        values = values.cast(pa.binary())
    return pa.Array.from_buffers(
        pa.string(), len(values), values.buffers(), values.null_count, values.offset
    )


def _signed(numbers: pa.Array, dialect: Dialect) -> pa.Array:
    if dialect.decimal == ".":
        return numbers
    return pc.replace_substring(numbers, ".", dialect.decimal)


def _decimals(values: pa.Array, scale: int) -> pa.Array:
    """Write all digits of a decimal number, where a cast takes exponents for small ones."""
    if scale <= 0:
        return values.cast(pa.decimal256(76, 0)).cast(pa.string())
    wide = values.cast(pa.decimal256(76, scale))
    whole = pa.Array.from_buffers(
        pa.decimal256(76, 0), len(wide), wide.buffers(), wide.null_count, wide.offset
    )
    digits = pc.utf8_lpad(pc.utf8_ltrim(whole.cast(pa.string()), "-"), scale + 1, "0")
    sign = pc.if_else(pc.less(whole, pa.scalar(0, whole.type)), "-", "")
    before = pc.utf8_slice_codeunits(digits, 0, -scale)
    behind = pc.utf8_slice_codeunits(digits, -scale)
    return pc.binary_join_element_wise(sign, before, ".", behind, "")


def _timestamps(values: pa.Array, dialect: Dialect) -> pa.Array:
    """Write the day alone where it is midnight, by the clock of the time zone if there is one."""
    if values.type.tz is not None:
        values = pc.local_timestamp(values)
    midnight = pc.floor_temporal(values, unit="day")
    day = dates_as_text(midnight, date_form(dialect.dates))
    clock = values.cast(pa.time64("us" if values.type.unit != "ns" else "ns")).cast(pa.string())
    clock = pc.replace_substring_regex(clock, r"\.0+$", "")
    return pc.if_else(pc.equal(values, midnight), day, pc.binary_join_element_wise(day, clock, " "))


def _json(values: pa.Array) -> pa.Array:
    texts = [
        None if value is None else json.dumps(value, ensure_ascii=False, default=str)
        for value in values.to_pylist()
    ]
    return pa.array(texts, pa.string())
