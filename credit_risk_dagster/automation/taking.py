"""The job that takes files into the ledger which are too large for a look of the sensor."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from credit_risk_dagster.assets.raw import observations
from credit_risk_dagster.delivery.delivered import take_arrivals
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.delivery.look import state_of
from credit_risk_dagster.settings import Settings

TAKE_JOB = "take_deliveries"
TAKE_TAG = "credit_risk/taken_files"

ATTEMPTS = 3
"""Runs for the same files, if they end without having taken them; then months go on without."""


def take_job() -> dg.JobDefinition:
    """Return the job; a run by hand takes files at once, settled or not."""

    @dg.op(description="Reads each new or changed file of the raw folder once.")
    def take_new_files(
        context: dg.OpExecutionContext,
        settings: dg.ResourceParam[Settings],
        ledger: dg.ResourceParam[DeliveryLedger],
    ) -> None:
        by_hand = TAKE_TAG not in context.run.tags
        arrivals = take_arrivals(settings, ledger, datetime.now(UTC), at_once=by_hand)
        for observation in observations(arrivals.taken):
            context.log_event(observation)

    @dg.job(name=TAKE_JOB, description="Takes new files into the ledger of deliveries.")
    def take_deliveries() -> None:
        take_new_files()

    return take_deliveries


def take_request(
    instance: dg.DagsterInstance, left: Sequence[DeliveredFile]
) -> dg.RunRequest | None:
    """Ask for a run that takes files, unless enough runs have tried or there are none."""
    if not left:
        return None
    state = state_of(left)
    tried = instance.get_runs_count(dg.RunsFilter(job_name=TAKE_JOB, tags={TAKE_TAG: state}))
    if tried >= ATTEMPTS:
        return None
    return dg.RunRequest(
        job_name=TAKE_JOB, run_key=f"{TAKE_JOB}-{state}-{tried + 1}", tags={TAKE_TAG: state}
    )
