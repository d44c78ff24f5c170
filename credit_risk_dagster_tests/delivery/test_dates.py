"""A month is told by its first day, or by any day where the contract says that it holds days."""

from dataclasses import replace

import numpy as np
import pytest

from credit_risk_dagster.contract.dialect import Dialect
from credit_risk_dagster.contract.kinds import Date, Month
from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.contract.source import SNAPSHOT_DATE, Source
from credit_risk_dagster.delivery.dates import month_form, months_written
from credit_risk_dagster.delivery.syntax import NO_MONTH


def source(form: str, kind: Month | Date) -> Source:
    columns = [
        replace(column, kind=kind) if column.name == SNAPSHOT_DATE else column
        for column in ATTRIBUTES.columns
    ]
    return replace(ATTRIBUTES, columns=tuple(columns), dialect=Dialect(dates=form))


def read(text: str, form: str, kind: Month | Date) -> str | None:
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    (number,) = months_written(
        data, np.array([0]), np.array([len(data)]), month_form(source(form, kind))
    )
    return None if number == NO_MONTH else f"{number // 12}-{number % 12 + 1:02d}"


@pytest.mark.parametrize(
    ("form", "first", "last"),
    [
        ("YYYY-MM-DD", "2024-02-01", "2024-02-29"),
        ("DD.MM.YYYY", "01.02.2024", "29.02.2024"),
        ("YYYYMMDD", "20240201", "20240229"),
    ],
)
def test_the_last_day_of_a_month_tells_it_where_the_column_holds_days(
    form: str, first: str, last: str
) -> None:
    assert [read(text, form, Date()) for text in (first, last)] == ["2024-02"] * 2
    assert [read(text, form, Month()) for text in (first, last)] == ["2024-02", None]


@pytest.mark.parametrize("text", ["2024-02-00", "2024-02-32", "2024-13-01", "2024-2-01", ""])
def test_what_is_no_day_tells_no_month(text: str) -> None:
    assert read(text, "YYYY-MM-DD", Date()) is None
