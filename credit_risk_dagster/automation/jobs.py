"""The jobs: a month, or any range of months, with the whole chain; and a month's training alone."""

from typing import TYPE_CHECKING

import dagster as dg

from credit_risk_dagster.assets.monthly import MONTHLY_JOB, TRAINING_JOB, asset_key
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster.tables.training import CANDIDATE_TABLES, TRAINING_DECISION

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )


def monthly_job() -> "UnresolvedAssetJobDefinition":
    """Return the job of all assets and their checks."""
    return dg.define_asset_job(
        MONTHLY_JOB,
        selection=dg.AssetSelection.all(),
        description="Everything of a month: refine, decide, train where due, score, monitor.",
    )


def training_job() -> "UnresolvedAssetJobDefinition":
    """Return the job of a month's decision, candidates and production model."""
    tables = (TRAINING_DECISION, *CANDIDATE_TABLES.values(), PRODUCTION_MODEL)
    return dg.define_asset_job(
        TRAINING_JOB,
        selection=dg.AssetSelection.assets(*(asset_key(table) for table in tables)),
        description="The training of a month, before or without its delivery.",
    )
