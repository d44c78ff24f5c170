"""What is delivered in columns that the contract does not have: kept as JSON, one text a row."""

import json
import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

UNKNOWN_COLUMNS = "unknown_columns"

_CONTROL = "[\\x00-\\x1f]"


def unknown_as_json(rows: pa.Table, names: Sequence[str]) -> pa.Array | pa.ChunkedArray:
    """Return a JSON object of header and value for each row; null if there are no such columns."""
    if not names:
        return pa.nulls(rows.num_rows, pa.string())
    pieces: list[pa.ChunkedArray | str] = []
    for number, name in enumerate(names):
        key = json.dumps(name, ensure_ascii=False)
        pieces += [f'{", " if number else "{"}{key}: "', _escaped(rows.column(name)), '"']
    return pc.binary_join_element_wise(*pieces, "}", "")


def _escaped(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    for sign in ("\\", '"'):
        texts = pc.replace_substring(texts, sign, f"\\{sign}")
    holding = texts.filter(pc.match_substring_regex(texts, _CONTROL))
    for control in set(re.findall(_CONTROL, "".join(holding.to_pylist()))):
        texts = pc.replace_substring(texts, control, f"\\u{ord(control):04x}")
    return texts
