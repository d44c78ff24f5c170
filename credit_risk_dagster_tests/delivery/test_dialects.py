"""Whatever dialect a file is written in and however it is compressed, it is read the same."""

import codecs
import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery import lines as lines_module
from credit_risk_dagster.errors import DeliveryError, PlatformError
from credit_risk_dagster_tests.delivery.grammar import judged
from credit_risk_dagster_tests.delivery.written import COLUMNS, compressed, read, reasons, row

MONTH = "2024-03-01"
FORMS = {
    "YYYY-MM-DD": "2024-03-01",
    "DD.MM.YYYY": "01.03.2024",
    "MM/DD/YYYY": "03/01/2024",
    "YYYYMMDD": "20240301",
    "YYYY-MM": "2024-03",
    "MM.YYYY": "03.2024",
    "DD MM YYYY": "01 03 2024",
}
NAMES = ["x.csv", "x.TXT", "x.csv.gz", "x.txt.zst", "x.csv.zst"]

DIALECTS = st.builds(
    Dialect,
    delimiter=st.sampled_from(",;\t|~:"),
    quote=st.sampled_from(['"', "'", ""]),
    encoding=st.sampled_from(
        ["utf-8", "UTF8", "cp1252", "iso8859-15", "latin-1", "cp850", "cp1250"]
    ),
    dates=st.sampled_from(sorted(FORMS)),
)
BLOCK = st.sampled_from([1, 7, 64, 1 << 20])
ALPHABET = "a7 äöüß\x0b\x0c\x85\u2028\ufeff\t\\,;|~:\"'#_"


def source_in(dialect: Dialect) -> Source:
    return replace(ATTRIBUTES, dialect=dialect)


@cache
def row_in(dialect: Dialect) -> st.SearchStrategy[dict[str, str]]:
    """A row of values that the dialect can write."""

    def can_be_written(sign: str) -> bool:
        try:
            sign.encode(dialect.encoding)
        except UnicodeEncodeError:
            return False
        return bool(dialect.quote) or sign != dialect.delimiter

    value = st.text(st.sampled_from([*filter(can_be_written, ALPHABET)]), max_size=6)
    return st.builds(row, value, st.just(FORMS[dialect.dates]), Name=value, Age=value)


def written(rows: Iterable[Sequence[str]], dialect: Dialect, end: str) -> str:
    text = io.StringIO(newline="")
    if dialect.quote:
        csv.writer(
            text, delimiter=dialect.delimiter, quotechar=dialect.quote, lineterminator=end
        ).writerows(rows)
    else:
        text.writelines(dialect.delimiter.join(values) + end for values in rows)
    return text.getvalue()


def by_csv_module(content: bytes, dialect: Dialect) -> list[dict[str, str]]:
    text = codecs.decode(content, dialect.encoding).removeprefix("\ufeff")
    lines = io.StringIO(text, newline="")
    if dialect.quote:
        quoted = csv.reader(
            lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True
        )
        header, *rows = list(quoted)
    else:
        header, *rows = list(csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE))
    return [dict(zip(header, values, strict=True)) for values in rows]


@settings(deadline=None, max_examples=200)
@given(st.data(), DIALECTS, st.sampled_from(NAMES), st.sampled_from(["\n", "\r\n"]), BLOCK)
def test_what_is_written_in_a_dialect_is_read_as_the_csv_module_reads_it(
    data: st.DataObject, dialect: Dialect, name: str, end: str, block: int
) -> None:
    rows = data.draw(st.lists(row_in(dialect), min_size=1, max_size=8))
    columns = data.draw(st.permutations(COLUMNS))
    lines = [columns, *([values[column] for column in columns] for values in rows)]
    content = written(lines, dialect, end).encode(dialect.encoding)
    if dialect.encoding == "utf-8":
        content = data.draw(st.sampled_from([b"", codecs.BOM_UTF8])) + content
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "_BLOCK", block)
        path = Path(folder, name)
        path.write_bytes(compressed(content, name))
        found = read(path, source_in(dialect))
    assert found.rejected.num_rows == found.undated.num_rows == 0
    expected = by_csv_module(content, dialect)
    assert found.text(COLUMNS) == [{one: values[one] for one in COLUMNS} for values in expected]
    assert found.text(COLUMNS) == rows
    assert found.rows["line_number"].to_pylist() == list(range(2, len(rows) + 2))
    assert found.months == {MONTH}


PIECES = [
    b'"',
    b'""',
    b"'",
    b",",
    b";",
    b"|",
    b"\t",
    b"\r",
    b"\0",
    b"\xff",
    b"\x81",
    b"\xc3\xa9",
    b"x",
    b"",
]


CHANGES = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 3), st.sampled_from(PIECES)), max_size=3
)


@st.composite
def damaged_in(draw: st.DrawFn, dialect: Dialect) -> bytes:
    values = draw(row_in(dialect))
    line = written([[values[column] for column in COLUMNS]], dialect, "").encode(dialect.encoding)
    for position, removed, put in draw(CHANGES):
        line = line[:position] + put + line[position + removed :]
    return line


def shown(dialect: Dialect) -> str:
    return "UTF-8" if dialect.encoding in ("utf-8", "UTF8") else dialect.encoding


def date_reason(dialect: Dialect) -> str:
    if "DD" in dialect.dates:
        form = dialect.dates.replace("DD", "01")
        return f"snapshot_date is not the first day of a month, written {form}"
    return f"snapshot_date is not a month, written {dialect.dates}"


@settings(deadline=None, max_examples=200)
@given(st.data(), DIALECTS, st.sampled_from(NAMES), BLOCK)
def test_each_line_is_judged_as_the_grammar_of_its_dialect_says(
    data: st.DataObject, dialect: Dialect, name: str, block: int
) -> None:
    lines = data.draw(st.lists(damaged_in(dialect), min_size=1, max_size=8))
    header = dialect.delimiter.join(COLUMNS).encode()
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "_BLOCK", block)
        path = Path(folder, name)
        path.write_bytes(compressed(b"\n".join([header, *lines, b""]), name))
        found = read(path, source_in(dialect))
    places: dict[str, list[object]] = {"rows": [], "rejected": [], "undated": []}
    for number, raw in enumerate(lines, start=2):
        place, content = judged(
            raw.removesuffix(b"\r"),
            COLUMNS,
            FORMS[dialect.dates],
            dialect,
            shown(dialect),
            date_reason(dialect),
        )
        places[place].append((number, content))
    numbers = found.rows["line_number"].to_pylist()
    assert list(zip(numbers, found.text(COLUMNS), strict=True)) == places["rows"]
    assert reasons(found.rejected) == places["rejected"]
    assert reasons(found.undated) == places["undated"]


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("DD.MM.YYYY", ["01.03.2024"], ["02.03.2024", "1.3.2024", "01.13.2024", "01.03.0000"]),
        ("YYYYMMDD", ["20240301"], ["20240302", "20240001", "2024-03-01", "2024031"]),
        ("MM/DD/YYYY", ["03/01/2024"], ["01/03/2024", "13/01/2024", "03-01-2024"]),
        ("YYYY-MM", ["2024-03"], ["2024-00", "2024-3", "2024-03-01", "2024_03", ""]),
    ],
)
def test_a_month_is_read_in_the_form_of_the_dialect_alone(
    tmp_path: Path, form: str, good: list[str], bad: list[str]
) -> None:
    source = source_in(Dialect(dates=form))
    lines = [row(month=month) for month in good + bad]
    content = written(
        [COLUMNS, *([values[column] for column in COLUMNS] for values in lines)],
        source.dialect,
        "\n",
    )
    path = tmp_path / "x.csv"
    path.write_text(content)
    found = read(path, source)
    assert [values["snapshot_date"] for values in found.text(COLUMNS)] == good
    assert {reason for _, reason in reasons(found.undated)} == {date_reason(source.dialect)}
    assert found.undated.num_rows == len(bad)


@pytest.mark.parametrize("form", ["YYYY", "DD.MM.YY", "YYYY-MM-MM", "YYYY·MM", ""])
def test_a_form_of_dates_that_tells_no_month_is_the_contracts_fault(
    tmp_path: Path, form: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(",".join(COLUMNS).encode() + b"\n")
    with pytest.raises(PlatformError, match="The contract writes dates as"):
        read(path, source_in(Dialect(dates=form)))


def test_a_rejected_line_is_kept_as_text_of_its_encoding(tmp_path: Path) -> None:
    source = source_in(Dialect(encoding="cp1252"))
    path = tmp_path / "x.csv"
    path.write_bytes(",".join(COLUMNS).encode() + b"\nM\xfcller\x81\x80\n")
    (rejected,) = read(path, source).undated.to_pylist()
    assert rejected["text"] == "Müller\\x81€"
    assert rejected["reason"] == "not valid cp1252"


TEXT = ",".join(COLUMNS) + "\n" + "".join(f"CUS_{n},Ann,30,1,Lawyer,{MONTH}\n" for n in range(500))


@pytest.mark.parametrize("name", ["x.csv.gz", "x.csv.zst"])
def test_several_compressed_pieces_are_one_text(tmp_path: Path, name: str) -> None:
    half = len(TEXT) // 2
    path = tmp_path / name
    path.write_bytes(
        compressed(TEXT[:half].encode(), name) + compressed(TEXT[half:].encode(), name)
    )
    assert read(path, ATTRIBUTES).rows.num_rows == 500


def test_a_frame_that_zstd_skips_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.zst"
    skipped = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"
    path.write_bytes(skipped + compressed(TEXT.encode(), path.name))
    assert read(path, ATTRIBUTES).rows.num_rows == 500


@pytest.mark.parametrize("name", ["x.csv.gz", "x.csv.zst"])
@settings(deadline=None, max_examples=150)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_compressed_file_that_is_cut_off_is_refused_wherever_that_is(
    name: str, share: float
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        whole = compressed(TEXT.encode(), name)
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(DeliveryError, match=r"is (damaged or cut off|empty|not compressed)"):
            read(path, ATTRIBUTES)


def test_a_damaged_check_sum_of_gzip_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    whole = bytearray(gzip.compress(TEXT.encode()))
    whole[-6] ^= 1
    path.write_bytes(whole)
    message = r"^attributes: x\.csv\.gz is damaged or cut off \(.*\)\. Deliver it again, complete\."
    with pytest.raises(DeliveryError, match=message):
        read(path, ATTRIBUTES)
