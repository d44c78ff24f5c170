"""MLflow writes absolute addresses of artifacts; a restored installation has new ones."""

import sqlalchemy as sa

from credit_risk_dagster.operations.databases import connected
from credit_risk_dagster.operations.places import local_folder

ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)
"""The columns of MLflow's store that hold addresses of artifacts."""


def follow_artifacts(url: str, old: str, new: str) -> None:
    """Let a tracking store name the artifacts of a folder where that folder is now.

    Args:
        url: the address of the tracking store's database.
        old: the artifact location that was written; one that is no folder stays as it is.
        new: the one that holds now.
    """
    before, now = local_folder(old), local_folder(new)
    if before is None or now is None or before == now:
        return
    with connected(url) as connection:
        present = set(sa.inspect(connection).get_table_names())
        for table, column in ADDRESSES:
            if table in present:
                _move(connection, table, column, before.as_uri(), now.as_uri())
                _move(connection, table, column, str(before), str(now))


def _move(connection: sa.Connection, table: str, column: str, old: str, new: str) -> None:
    address: sa.ColumnClause[str] = sa.column(column)
    below = sa.or_(address == old, sa.func.substr(address, 1, len(old) + 1) == f"{old}/")
    moved = sa.literal(new) + sa.func.substr(address, len(old) + 1)
    connection.execute(sa.update(sa.table(table, address)).where(below).values({column: moved}))
