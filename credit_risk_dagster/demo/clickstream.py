"""Clickstream: twenty noisy monthly counts around a mean that betrays a customer's distress."""

import numpy as np
import pyarrow as pa

from credit_risk_dagster.contract.reference import CLICKSTREAM
from credit_risk_dagster.demo.applicants import LONGEST_LEAD, Applicants
from credit_risk_dagster.demo.streams import Purpose, stream
from credit_risk_dagster.months import add_months, month_range, months_between

CENTRE = 100.0
MONTHLY_NOISE = 100.0
DISTRESS_EFFECTS = (4, 6, 10, 13, 15, -3, -6, -10, -13, -15, *(0,) * 10)
"""Shift of the mean of fe_1 … fe_20 by one standard deviation of distress: ten features only."""

MONTHS_AFTER_APPLICATION = 10
"""The clickstream ends with the last instalment."""


def application_months(first_month: str, month: str) -> list[str]:
    """Return the months in which the customers of a snapshot applied or will apply."""
    earliest = max(first_month, add_months(month, -MONTHS_AFTER_APPLICATION))
    return month_range(earliest, add_months(month, LONGEST_LEAD))


def clickstream_rows(applicants: Applicants, month: str, seed: int) -> pa.Table:
    """Return the clickstream of one month's applicants in the snapshot of `month`."""
    until_application = months_between(month, applicants.month)
    present = applicants.has_clickstream & (applicants.clickstream_lead >= until_application)
    distress = applicants.distress[present].astype(np.float32)
    random = stream(seed, Purpose.CLICKSTREAM, applicants.month, month)
    noise = random.standard_normal((len(DISTRESS_EFFECTS), len(distress)), dtype=np.float32)
    effects = np.array(DISTRESS_EFFECTS, dtype=np.float32)[:, None]
    counts = np.rint(CENTRE + effects * distress + MONTHLY_NOISE * noise).astype(np.int32)
    return pa.table(
        [applicants.customer_ids[present], np.full(len(distress), month), *counts],
        names=list(CLICKSTREAM.headers),
    )
