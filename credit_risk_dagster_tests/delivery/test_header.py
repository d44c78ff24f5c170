import gzip
import os
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.contract.source import Column
from credit_risk_dagster.delivery.header import Header, read_header
from credit_risk_dagster.errors import DeliveryError, PlatformError
from credit_risk_dagster_tests.delivery.written import COLUMNS, HEADER, described, line, row, write


def header_of(path: Path) -> Header:
    return read_header(described(path), ATTRIBUTES)


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(DeliveryError) as error:
        header_of(path)
    message = str(error.value)
    assert message.startswith("attributes: ")
    assert path.name in message
    assert "eliver" in message  # what to do
    return message


@pytest.mark.parametrize(
    "text",
    [
        HEADER,
        HEADER + b"\n",
        HEADER + b"\r\n",
        b"\xef\xbb\xbf" + HEADER + b"\n",
        HEADER.replace(b",", b" ,\t") + b" \n",
        b'"' + HEADER.replace(b",", b'","') + b'"\n',
    ],
)
def test_a_header_is_read_without_mark_quotes_line_end_or_white_space(
    tmp_path: Path, text: bytes
) -> None:
    path = tmp_path / "features_attributes.csv"
    path.write_bytes(text)
    assert header_of(path) == Header(COLUMNS, ())


def test_columns_may_come_in_any_order_and_others_are_reported(tmp_path: Path) -> None:
    names = (*reversed(COLUMNS), "Branch", "")
    path = write(tmp_path / "x.csv", [], ",".join(names).encode())
    assert header_of(path) == Header(names, ("Branch", ""), ("Branch", ""))


def test_missing_columns_are_all_named_with_the_header_found(tmp_path: Path) -> None:
    message = refusal(tmp_path / "x.csv", b"Customer_ID,Name,age,snapshot_date\nx\n")
    assert "lacks Age, SSN, Occupation; its header is Customer_ID, Name, age, snap" in message
    assert "snapshot_date. Case and white space count: 'age' is not 'Age'. Deliver it" in message


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    assert "one column named 'Name'" in refusal(tmp_path / "x.csv", HEADER + b", Name\n")
    assert "one column named 'new'" in refusal(tmp_path / "x.csv", HEADER + b",new,new\n")


def test_a_first_line_of_data_is_refused_without_showing_the_person(tmp_path: Path) -> None:
    message = refusal(tmp_path / "x.csv", line(row(Name="Ann Lee", SSN="913-74-1218")) + b"\n")
    assert "names none of its columns" in message
    assert ", ".join(COLUMNS) in message
    assert "Ann" not in message
    assert "913" not in message


def test_a_row_that_runs_on_from_the_header_is_refused_without_showing_the_person(
    tmp_path: Path,
) -> None:
    glued = HEADER + line(row(Name="Ann Lee", SSN="913-74-1218")) + b"\n"
    message = refusal(tmp_path / "x.csv", glued)
    assert "lacks snapshot_date; its header is Customer_ID, Name, Age, SSN" in message
    assert "(not shown)" in message
    assert "Ann" not in message
    assert "913" not in message


def test_a_row_behind_a_whole_header_is_reported_as_columns_without_showing_the_person(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "x.csv", [], HEADER + b"," + line(row(Name="Ann", SSN="913-74-1218")))
    assert header_of(path).extra == ("(not shown)",) * len(COLUMNS)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "names none of its columns"),
        (b"\n" + HEADER, "names none of its columns"),
        (HEADER.replace(b",", b";"), "separated by commas"),
        (b"\x1f\x8b\x08\x00more", "compressed with gzip"),
        (b"PK\x03\x04more", "a zip archive or an Excel file"),
        (b"PAR1\x15\x04more", "a Parquet file"),
        (b'{"Customer_ID": 1}', "is JSON. Deliver it as .csv or .txt"),
        (b"-----BEGIN PGP MESSAGE-----\n", "is encrypted"),
        (b"x" * 257 + b"ustar\x0000", "is a tar archive"),
        (HEADER.decode().encode("utf-16"), "encoded as UTF-16"),
        (HEADER + b"\xff\n", "not a header in UTF-8"),
        (HEADER + b',"open\n', "not a header in UTF-8"),
        (HEADER.replace(b",", b"\r") + b"\n", "not a header in UTF-8"),
        (HEADER + b"," * (1 << 20) + b"\n", "not a header in UTF-8"),
    ],
)
def test_what_is_not_plain_csv_is_refused_with_what_it_is(
    tmp_path: Path, content: bytes, words: str
) -> None:
    assert words in refusal(tmp_path / "x.csv", content)


def test_names_that_differ_in_case_or_white_space_alone_are_told(tmp_path: Path) -> None:
    message = refusal(tmp_path / "x.csv", HEADER.upper() + b"\n")
    assert "lacks Customer_ID, Name, Age" in message
    assert "'CUSTOMER_ID' is not 'Customer_ID', 'NAME' is not 'Name'" in message
    other = refusal(tmp_path / "y.csv", HEADER.replace(b"snapshot_date", b"snapshot _date"))
    assert "Case and white space count: 'snapshot _date' is not 'snapshot_date'." in other


def test_names_that_begin_like_another_format_are_names(tmp_path: Path) -> None:
    for name in (b"PARENT_ID", b"PAR1", b"ORCHID", b"BZh"):
        path = write(tmp_path / "x.csv", [], name + b"," + HEADER)
        assert header_of(path).unknown == (name.decode(),)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x.xlsx", "is a workbook. Deliver it as .csv or .txt"),
        ("x.zip", "is an archive"),
        ("x.csv.bz2", "is compressed with bzip2"),
        ("x.csv.xz", "is compressed with xz"),
        ("x.gz", "is compressed with gzip and not named .csv.gz or .txt.gz"),
        ("x.csv.enc", "is encrypted"),
        ("x.json", "is JSON"),
        ("x.tsv", "is not named .csv or .txt"),
        ("x", "is of a kind that is not read"),
        ("x.bin", "is of a kind that is not read"),
        ("x.parquet", "is no Parquet file, though its name says so"),
        ("x.csv.gz", "is not compressed with gzip, though its name says so"),
        ("x.csv.zst", "is not compressed with zstd, though its name says so"),
    ],
)
def test_what_is_named_otherwise_is_refused_with_what_to_deliver(
    tmp_path: Path, name: str, words: str
) -> None:
    message = refusal(tmp_path / name, HEADER + b"\n")
    assert words in message
    assert "(either may be compressed: .gz or .zst) or .parquet, named so." in message


def test_what_has_a_telling_content_under_another_name_is_refused_with_what_it_is(
    tmp_path: Path,
) -> None:
    assert "a zip archive or an Excel" in refusal(tmp_path / "x.parquet", b"PK\x03\x04more")
    assert "compressed with zstd" in refusal(tmp_path / "x.csv.gz", b"\x28\xb5\x2f\xfdmore")
    assert "a PDF document" in refusal(tmp_path / "x.bin", b"%PDF-1.7")
    inside = gzip.compress(b"PAR1\x15\x04more")
    assert "is a Parquet file" in refusal(tmp_path / "y.csv.gz", inside)
    assert "is empty" in refusal(tmp_path / "z.csv.gz", gzip.compress(b""))


GERMAN = Dialect(delimiter=";", encoding="cp1252", decimal=",", dates="DD.MM.YYYY")


def test_a_header_is_read_and_refused_in_words_of_its_dialect(tmp_path: Path) -> None:
    source = replace(
        ATTRIBUTES,
        dialect=GERMAN,
        columns=(*ATTRIBUTES.columns, Column("Größe", "size", None, "Size")),
    )
    path = tmp_path / "x.csv"
    path.write_bytes(";".join(source.headers).encode("cp1252") + b"\r\n")
    assert read_header(described(path), source) == Header(source.headers)
    told = {
        HEADER + b",Gr\xf6\xdfe\n": "with a header line, cp1252, separated by semicolons: Customer",
        b"Gr\x81\xdfe": "is not a header in cp1252, separated by semicolons. Deliver the",
        b"\xef\xbb\xbf" + HEADER: "begins with the mark of UTF-8, but the contract says cp1252.",
    }
    for content, words in told.items():
        path.write_bytes(content)
        with pytest.raises(DeliveryError, match=re.escape(words)):
            read_header(described(path), source)


def test_a_dialect_without_quotes_has_quotes_in_its_names(tmp_path: Path) -> None:
    source = replace(ATTRIBUTES, dialect=Dialect(delimiter="|", quote=""))
    path = write(tmp_path / "x.csv", [], HEADER.replace(b",", b"|") + b'|"a')
    assert read_header(described(path), source).unknown == ('"a',)


@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        (Dialect(encoding="utf-16"), "the encoding 'utf-16', which cannot be read"),
        (Dialect(encoding="shift_jis"), "the encoding 'shift_jis', which cannot be read"),
        (Dialect(encoding="cp037"), "the encoding 'cp037', which cannot be read"),
        (Dialect(encoding="klingon"), "the encoding 'klingon', which cannot be read"),
        (Dialect(delimiter="||"), "the delimiter '||'"),
        (Dialect(delimiter="§"), "the delimiter '§'"),
        (Dialect(delimiter="\n"), "the delimiter '\\n'"),
        (Dialect(delimiter='"'), "the delimiter '\"' and the quote '\"', which cannot be read"),
    ],
)
def test_a_dialect_that_cannot_be_read_is_the_contracts_fault(
    tmp_path: Path, dialect: Dialect, words: str
) -> None:
    path = write(tmp_path / "x.csv", [])
    with pytest.raises(PlatformError, match=re.escape(f"The contract has {words}")) as error:
        read_header(described(path), replace(ATTRIBUTES, dialect=dialect))
    assert "Correct the dialect" in str(error.value)


CHANGING = replace(
    ATTRIBUTES,
    columns=tuple(
        replace(column, begins={"Age": "2023-10-01"}.get(column.header), ends=ends)
        for column, ends in zip(
            ATTRIBUTES.columns, [None, None, None, "2023-09-01", None, None], strict=True
        )
    ),
)


@pytest.mark.parametrize(
    ("month", "lacking", "missing"),
    [
        (None, {"Age", "SSN"}, ""),
        ("2023-09-01", {"Age"}, ""),
        ("2023-09-01", {"Age", "SSN"}, "SSN"),
        ("2023-10-01", {"SSN"}, ""),
        ("2023-10-01", {"Age", "SSN"}, "Age"),
        (None, {"Age", "Name"}, "Name"),
        (None, {"Age", "snapshot_date"}, "snapshot_date"),
        ("2023-09-01", set(), ""),
    ],
)
def test_a_column_may_be_missing_where_it_is_not_delivered(
    tmp_path: Path, month: str | None, lacking: set[str], missing: str
) -> None:
    assert [one.begins or one.ends for one in CHANGING.columns[2:4]] == ["2023-10-01", "2023-09-01"]
    names = [name for name in COLUMNS if name not in lacking]
    file = described(write(tmp_path / "x.csv", [], ",".join(names).encode()), month)
    if missing:
        with pytest.raises(DeliveryError, match=rf"x\.csv lacks {missing}; its header"):
            read_header(file, CHANGING)
    else:
        found = read_header(file, CHANGING).lacking
        assert {column.header for column in found} == lacking


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(DeliveryError, match=r"x\.csv cannot be read: Is a directory\. Give"):
        header_of(tmp_path / "x.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", [])
    path.chmod(stat.S_IWUSR)
    with pytest.raises(DeliveryError, match=r"x\.csv cannot be read: Permission denied\. Give"):
        header_of(path)


def test_a_file_that_has_vanished_is_refused(tmp_path: Path) -> None:
    file = described(write(tmp_path / "x.csv", []))
    file.path.unlink()
    with pytest.raises(DeliveryError, match=r"cannot be read: No such file"):
        read_header(file, ATTRIBUTES)
