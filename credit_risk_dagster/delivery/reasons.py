"""Why a line was rejected, in words of the dialect in which it was to be written."""

from credit_risk_dagster.contract.source import Column, Source
from credit_risk_dagster.delivery.dates import month_form
from credit_risk_dagster.delivery.encoding import encoding_of
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.header import Header
from credit_risk_dagster.delivery.judged import LINE_LIMIT, Fault, Judged

_REASONS = {
    Fault.QUOTES: "a quote is not closed, not doubled, or inside an unquoted value",
    Fault.CARRIAGE_RETURN: "a carriage return inside the line",
    Fault.NUL: "a NUL byte",
    Fault.BLANK: "blank line",
    Fault.CUT_OFF: "last line has no line end, so it may be cut off",
    Fault.TOO_LONG: f"longer than {LINE_LIMIT:,} bytes",
}


def reason(lines: Judged, line: int, file: DeliveredFile, source: Source, header: Header) -> str:
    """Return why a line was rejected, without anything of its data but its month."""
    fault = Fault(lines.faults[line])
    if fault == Fault.FIELDS:
        return f"{lines.field_counts[line]} fields where the header has {len(header.names)}"
    if fault == Fault.DATE:
        return f"{source.month_header} is not {_month_expected(source)}"
    if fault == Fault.ENCODING:
        return f"not valid {encoding_of(source.dialect.encoding).name}"
    if fault == Fault.OTHER_MONTH:
        month = month_key(lines.months[line])
        return f"{source.month_header} {month} in a file for {str(file.month)[:7]}"
    if fault == Fault.LACKING_COLUMN:
        return _lacking(month_key(lines.months[line]), file, header)
    return _REASONS[fault]


def month_key(number: int) -> str:
    """Return the key of a month that is so many months behind year 0."""
    return f"{number // 12:04d}-{number % 12 + 1:02d}-01"


def _month_expected(source: Source) -> str:
    form = month_form(source)
    if form.any_day:
        return f"a day, written {form.form}"
    what = "a month" if form.day is None else "the first day of a month"
    return f"{what}, written {form.first_day}"


def _lacking(month: str, file: DeliveredFile, header: Header) -> str:
    column = next(column for column in header.lacking if column.delivered_in(month))
    return f"{file.relative} lacks the column {column.header}, which is delivered {_time(column)}"


def _time(column: Column) -> str:
    begins = f"from {column.begins[:7]} on" if column.begins else ""
    ends = f"up to {column.ends[:7]}" if column.ends else ""
    return " and ".join(part for part in (begins, ends) if part)
