"""The job that runs a month, or any range of months, with the whole chain."""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

MONTHLY_JOB = "monthly"


def monthly_job(months: dg.PartitionsDefinition[str]) -> "UnresolvedAssetJobDefinition":
    """Return the job of all assets and their checks."""
    return dg.define_asset_job(
        MONTHLY_JOB,
        selection=dg.AssetSelection.all(),
        partitions_def=months,
        description="Everything of a month: refine, decide, train where due, score, monitor.",
    )
