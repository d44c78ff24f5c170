import os
import stat
from pathlib import Path

import pytest

from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.delivery.header import Header, read_header
from credit_risk_dagster.errors import DeliveryError
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
    assert header_of(path) == Header(names, ("Branch", ""))


def test_missing_columns_are_all_named_with_the_header_found(tmp_path: Path) -> None:
    message = refusal(tmp_path / "x.csv", b"Customer_ID,Name,age,snapshot_date\nx\n")
    assert "lacks Age, SSN, Occupation; its header is Customer_ID, Name, age, snap" in message


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
        (b"PAR1more", "a Parquet file"),
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
