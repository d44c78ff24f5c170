"""A delivered file, read once: its SHA-256, what it holds of each month, and whether it counts."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.control import Control, contradiction
from credit_risk_dagster.delivery.entries import Contents, MonthContent
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.fingerprint import RowSum, added, calculator, sums_by_month
from credit_risk_dagster.delivery.header import read_header
from credit_risk_dagster.delivery.parts import part_of
from credit_risk_dagster.delivery.reader import LINE_NUMBER, Portion, read_file
from credit_risk_dagster.errors import DeliveryError

_CHECKED = "SELECT sum(try_cast(value AS DECIMAL(38, 10))) FROM checked"


@dataclass
class _Counted:
    """What was counted so far."""

    rows: dict[str, RowSum] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    undated: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    first_rejected: tuple[int, str] | None = None


def sha256_of(file: DeliveredFile, source: Source) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises:
        DeliveryError: if it cannot be read.
    """
    try:
        with file.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DeliveryError(
            f"{source.name}: {file.relative} cannot be read: {error.strerror}. Give the platform "
            "read access to it, or deliver it again."
        ) from error


def read_contents(
    file: DeliveredFile,
    source: Source,
    sha256: str,
    control: Control | None,
    accept_unterminated_line: bool,
) -> Contents:
    """Read a file once, some megabytes at a time, and return what it holds or why it is refused.

    Args:
        file: the file.
        source: whose it is.
        sha256: of its bytes.
        control: what its control file says, if there is one.
        accept_unterminated_line: as in `read_file`.

    Raises:
        DeliveryError: if it changes while it is read.
    """
    try:
        header = read_header(file, source)
    except DeliveryError as error:
        return Contents(sha256, fault=str(error))
    counted = _Counted()
    columns = list(control.sums) if control else []
    for portion in read_file(file, source, header, None, accept_unterminated_line):
        _count(counted, portion, source, columns)
    months = {
        month: MonthContent(counted.rows.get(month, RowSum()), counted.rejected[month])
        for month in sorted({*counted.rows, *counted.rejected})
    }
    return Contents(sha256, months, counted.undated, _fault(file, source, sha256, control, counted))


def _count(counted: _Counted, portion: Portion, source: Source, columns: list[str]) -> None:
    counted.rows = added([counted.rows, sums_by_month(source, portion.rows)])
    counted.rejected.update({month: rows.num_rows for month, rows in portion.rejected.items()})
    counted.undated += portion.undated.num_rows
    if counted.first_rejected is None:
        counted.first_rejected = min(_first_lines(portion), default=None)
    for column, value in _column_sums(source, portion.rows, columns):
        counted.sums[column] = counted.sums.get(column, Decimal(0)) + value


def _first_lines(portion: Portion) -> Iterator[tuple[int, str]]:
    for lines in (*portion.rejected.values(), portion.undated):
        if lines.num_rows:
            yield lines[LINE_NUMBER][0].as_py(), lines["reason"][0].as_py()


def _column_sums(
    source: Source, rows: Mapping[str, pa.Table], columns: list[str]
) -> Iterator[tuple[str, Decimal]]:
    for column in columns if rows else ():
        values = pa.concat_tables([table.select([column]) for table in rows.values()])[column]
        with closing(calculator()) as connection:
            connection.register("checked", pa.table({"value": _plain_numbers(values, source)}))
            ((found,),) = connection.execute(_CHECKED).fetchall()
        yield column, found or Decimal(0)


def _plain_numbers(values: pa.ChunkedArray, source: Source) -> pa.ChunkedArray:
    values = pc.utf8_trim_whitespace(values)
    if source.dialect.thousands:
        values = pc.replace_substring(values, source.dialect.thousands, "")
    return pc.replace_substring(values, source.dialect.decimal, ".")


def _fault(
    file: DeliveredFile,
    source: Source,
    sha256: str,
    control: Control | None,
    counted: _Counted,
) -> str | None:
    rows = sum(one.rows for one in counted.rows.values())
    lines = rows + counted.rejected.total() + counted.undated
    if not rows and (lines or part_of(file.relative).part is None):
        return (
            f"{source.name}: {file.relative} holds no row that can be read: "
            f"{_first_words(lines, counted.first_rejected)}. Deliver it again, complete."
        )
    said = _contradiction(sha256, control, lines, counted) if control else None
    if said is None:
        return None
    return f"{source.name}: {file.relative} is not complete: {said}. Deliver both again."


def _first_words(lines: int, first: tuple[int, str] | None) -> str:
    if first is None:
        return "it is a header alone"
    counted = "its one line was" if lines == 1 else f"all of its {lines} lines were"
    return f"{counted} rejected, the first is line {first[0]}: {first[1]}"


def _contradiction(sha256: str, control: Control, lines: int, counted: _Counted) -> str | None:
    if control.sha256 is not None and control.sha256 != sha256:
        return f"its SHA-256 is {sha256} where its control file says {control.sha256}"
    sums = {column: counted.sums.get(column, Decimal(0)) for column in control.sums}
    return contradiction(control, lines, sums)
