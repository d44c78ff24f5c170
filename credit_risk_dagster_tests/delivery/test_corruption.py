"""Whatever happens to the bytes of a file: it is refused, or each of its lines is accounted for."""

import gzip
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.errors import DeliveryError
from credit_risk_dagster_tests.delivery.written import COLUMNS, HEADER, compressed, line, read, row

ROWS = [
    row(f"CUS_{number}", f"2024-0{number % 3 + 1}-01", Name='Zoë "Z", x', Age=str(number))
    for number in range(40)
]
TEXT = b"\n".join([HEADER, *map(line, ROWS), b""])


def parquet(**options: object) -> bytes:
    table = pa.Table.from_pylist(ROWS)
    age = pa.array([int(one["Age"]) for one in ROWS])
    table = table.set_column(table.column_names.index("Age"), "Age", age)
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=16, **options)
    return sink.getvalue()


FILES = {
    "x.csv": TEXT,
    "x.txt.gz": compressed(TEXT, "x.gz"),
    "x.csv.zst": compressed(TEXT, "x.zst"),
    "x.parquet": parquet(),
    "plain.parquet": parquet(compression="none", use_dictionary=False),
    "summed.parquet": parquet(compression="zstd", write_page_checksum=True),
}
CHANGES = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from([0, 1, 1, 1, 2, 40]),
        st.binary(max_size=2) | st.sampled_from([b"\n", b'"', b",", b"\0", b"\r"]),
    ),
    min_size=1,
    max_size=4,
)


def lines_in(content: bytes, name: str) -> int:
    """How many lines or rows there are, counted without the reader."""
    if name.endswith(".parquet"):
        rows: int = pq.read_metadata(io.BytesIO(content)).num_rows
        return rows
    if name.endswith(".gz"):
        content = gzip.decompress(content)
    elif name.endswith(".zst"):
        content = pa.CompressedInputStream(pa.BufferReader(content), "zstd").read()
    return content.count(b"\n") + (not content.endswith(b"\n")) - 1


@pytest.mark.parametrize("name", FILES)
@settings(deadline=None, max_examples=400)
@given(changes=CHANGES)
def test_a_corrupted_file_is_refused_or_all_its_lines_are_rows_or_rejected(
    name: str, changes: list[tuple[float, int, bytes]]
) -> None:
    content = FILES[name]
    for share, removed, put in changes:
        position = int(share * len(content))
        content = content[:position] + put + content[position + removed :]
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        try:
            found = read(path, ATTRIBUTES)
        except DeliveryError:
            return
    told = found.rows.num_rows + found.rejected.num_rows + found.undated.num_rows
    assert told == lines_in(content, name)
    found.rows.validate(full=True)
    found.rejected.validate(full=True)


@pytest.mark.parametrize("name", FILES)
def test_the_file_that_is_corrupted_is_whole_before(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    assert read(path, ATTRIBUTES).text(COLUMNS) == ROWS
