"""The raw extracts as Dagster shows them: outside assets on which each taken file is observed."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.decisions import FileDecision
from credit_risk_dagster.delivery.entries import TakenFile

RAW = "raw"

DELIVERY_TAG = "credit_risk/delivery"
"""What a run was started on, by a sensor or the schedule; a run by hand has none."""


def raw_key(source: Source) -> dg.AssetKey:
    """Return the asset of a source's files."""
    return dg.AssetKey([RAW, source.name])


def raw_assets() -> list[dg.AssetSpec]:
    """Return one outside asset per source."""
    return [
        dg.AssetSpec(
            raw_key(source),
            group_name=RAW,
            description=f"The files of `{source.files[0]}` as they arrive: {source.meaning}.",
            kinds={"file"},
            owners=["team:data-engineering"],
        )
        for source in CONTRACT.sources
    ]


def observations(taken: Mapping[str, Sequence[FileDecision]]) -> Iterator[dg.AssetObservation]:
    """Yield what is to be shown of each file that was taken: counts, and nothing of its rows."""
    for source in CONTRACT.sources:
        for one in taken.get(source.name, ()):
            if isinstance(one.file, TakenFile):
                yield _observation(source, one, one.file)


def _observation(source: Source, one: FileDecision, file: TakenFile) -> dg.AssetObservation:
    months = file.contents.months
    return dg.AssetObservation(
        raw_key(source),
        description=f"{file.path} is {one.status}. {one.reason}".strip(),
        metadata={
            "file": file.path,
            "decision": str(one.status),
            "bytes": file.size,
            "sha256": file.contents.sha256,
            "dagster/row_count": sum(content.rows.rows for content in months.values()),
            "rows by month": {month: content.rows.rows for month, content in months.items()},
            "rejected by month": {
                month: content.rejected for month, content in months.items() if content.rejected
            },
            "lines without a readable month": file.contents.undated,
        },
    )
