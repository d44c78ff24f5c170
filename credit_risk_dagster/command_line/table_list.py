"""What tables there are: version, rows, months, and where they are for any other reader."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table as Printed

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import STORED

Listed = dict[str, Any]


def table_list(settings: Settings) -> list[Listed]:
    """Return every table that was written, those kept beside others included.

    Raises:
        PlatformError: if there is none.
    """
    datamart = open_datamart(settings)
    listed = []
    for path, table in STORED.items():
        records = datamart.records(table)
        if records:
            listed.append(
                {
                    "table": path,
                    "description": table.description,
                    "version": datamart.log(table).newest(),
                    "rows": sum(record.rows for record in records.values()),
                    "months": len(records),
                    "first_month": min(records),
                    "last_month": max(records),
                    "partition_column": table.month_column,
                    "address": datamart.place(table).address,
                }
            )
    if not listed:
        raise PlatformError(f"{settings.home} has no tables yet. Start with `credit-risk demo`.")
    return listed


def print_tables(console: Console, listed: Sequence[Listed]) -> None:
    """Print a list of tables; their addresses follow from the first line."""
    printed = Printed(title="Delta Lake tables")
    for name in ("table", "version", "rows", "months", "from", "to"):
        is_number = name in ("version", "rows", "months")
        printed.add_column(name, justify="right" if is_number else "left")
    for one in listed:
        printed.add_row(
            one["table"],
            str(one["version"]),
            f"{one['rows']:,}",
            str(one["months"]),
            one["first_month"][:7],
            one["last_month"][:7],
        )
    console.print(printed)
    folder = listed[0]["address"].removesuffix(listed[0]["table"])
    console.print(f"Each is a folder of its own in {folder}", highlight=False, soft_wrap=True)
