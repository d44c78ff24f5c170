"""The ledger of deliveries: every file that was seen, and every decision of people, kept for good.

It is in the installation's database. Unlike the index of the tables it is no copy of anything: what
people decided is nowhere else.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from credit_risk_dagster.datamart.database import Database
from credit_risk_dagster.delivery.entries import Action, Contents, Entries, MonthContent
from credit_risk_dagster.delivery.ledger_rows import (
    ACTIONS,
    FILES,
    LEDGER,
    MONTHS,
    SEEN,
    Look,
    action_of,
    contents_of,
    look_of,
    look_row,
    month_of_row,
    month_rows,
    seen_of,
    taken_of,
    written,
)


class DeliveryLedger(Database):
    """The ledger of an installation's deliveries."""

    def __init__(self, url: str) -> None:
        """Name the database; connects to nothing yet.

        Raises:
            PlatformError: if it is of a kind that is not known here.
        """
        super().__init__(url, LEDGER)

    def looks(self) -> dict[str, Look]:
        """Return how each file looked that was there when the folder was looked at last."""
        return {row["path"]: look_of(row) for row in self.rows(sa.select(SEEN))}

    def keep_looks(self, changed: Mapping[str, Look], gone: set[str]) -> None:
        """Take down how files look now, and which of them are gone."""
        with self.transaction() as connection:
            if changed:
                connection.execute(self.upsert(SEEN), [look_row(one) for one in changed.values()])
            for path in gone:
                connection.execute(sa.delete(SEEN).where(SEEN.c.path == path))

    def keep_contents(self, look: Look, contents: Contents, rules: str, now: datetime) -> None:
        """Take down what was read of a file, by which rules, and that it was taken as that.

        A content that was there before under the same name is not seen for the first time; and
        where nothing else was there meanwhile, its time of change stays what it was.
        """
        key = (FILES.c.path == look.path, FILES.c.sha256 == contents.sha256)
        with self.transaction() as connection:
            known = connection.execute(sa.select(FILES).where(*key)).mappings().first()
            latest = connection.execute(_latest_of(look.path)).scalar()
            touched = known is not None and latest == contents.sha256
            row = {
                "path": look.path,
                "sha256": contents.sha256,
                "source": look.source,
                "size": look.size,
                "modified": known["modified"] if known and touched else written(look.modified),
                "first_seen": known["first_seen"] if known else written(look.since),
                "taken_at": written(now),
                "read_as": rules,
                "undated": contents.undated,
                "fault": contents.fault,
            }
            connection.execute(self.upsert(FILES), [row])
            connection.execute(
                sa.delete(MONTHS).where(
                    MONTHS.c.path == look.path, MONTHS.c.sha256 == contents.sha256
                )
            )
            if contents.months:
                connection.execute(self.upsert(MONTHS), month_rows(look.path, contents))
            connection.execute(self.upsert(SEEN), [look_row(look)])

    def contents(self, path: str, sha256: str, rules: str) -> Contents | None:
        """Return what was read of a content of a file, if it ever was by these rules."""
        wanted = (FILES.c.path == path, FILES.c.sha256 == sha256, FILES.c.read_as == rules)
        found = self.rows(sa.select(FILES).where(*wanted))
        if not found:
            return None
        months = self.rows(
            sa.select(MONTHS).where(MONTHS.c.path == path, MONTHS.c.sha256 == sha256)
        )
        return contents_of(found[0], {row["snapshot_date"]: month_of_row(row) for row in months})

    def keep_action(self, action: Action) -> None:
        """Take down what was decided."""
        row = {
            "at": written(action.at),
            "by": action.by,
            "verb": action.verb.value,
            "source": action.source,
            "path": action.path,
            "snapshot_date": action.month,
            "why": action.why,
        }
        with self.transaction() as connection:
            connection.execute(sa.insert(ACTIONS), [row])

    def entries(self) -> dict[str, Entries]:
        """Return all that is known, by source."""
        with self.transaction() as connection:
            looks = connection.execute(sa.select(SEEN).order_by(SEEN.c.path)).mappings().all()
            files = connection.execute(sa.select(FILES).order_by(FILES.c.path)).mappings().all()
            months = connection.execute(sa.select(MONTHS)).mappings().all()
            actions = connection.execute(sa.select(ACTIONS).order_by(ACTIONS.c.number)).mappings()
            decided = [(row["source"], action_of(dict(row))) for row in actions]
        held: dict[tuple[str, str], dict[str, MonthContent]] = defaultdict(dict)
        for row in months:
            held[row["path"], row["sha256"]][row["snapshot_date"]] = month_of_row(dict(row))
        is_now = {row["path"]: row["sha256"] for row in looks}
        taken = [taken_of(dict(row), held[row["path"], row["sha256"]], is_now) for row in files]
        seen = [seen_of(dict(row)) for row in looks if row["sha256"] is None]
        sources = {one.source for one in taken} | {one.source for one in seen}
        sources |= {source for source, _ in decided}
        return {
            source: Entries(
                tuple(one for one in taken if one.source == source),
                tuple(one for one in seen if one.source == source),
                tuple(action for of, action in decided if of == source),
            )
            for source in sources
        }


def _latest_of(path: str) -> sa.Select[Any]:
    newest = FILES.c.taken_at.desc()
    return sa.select(FILES.c.sha256).where(FILES.c.path == path).order_by(newest).limit(1)
