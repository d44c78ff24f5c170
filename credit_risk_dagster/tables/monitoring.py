"""Monitoring facts: one row per month, model, basis, metric and subject."""

import pyarrow as pa

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.datamart.table import Table, schema_of

_facts = schema_of(
    snapshot_date=pa.date32(),
    model_id=pa.string(),
    basis=pa.string(),
    metric=pa.string(),
    subject=pa.string(),
    value=pa.float64(),
    lower=pa.float64(),
    upper=pa.float64(),
    sample_size=pa.int64(),
    band=pa.string(),
    status=pa.string(),
)
_key = ("basis", "metric", "subject")

DRIFT = Table(
    layer="monitoring",
    name="drift",
    description="PSI and KS of the month's scores, CSI, KS and missing share of every feature as "
    "the model sees it, against the model's frozen reference.",
    schema=_facts,
    key=_key,
)
"""Shift of the month's scores and features; `upper` of a PSI is what noise alone gives."""

PERFORMANCE = Table(
    layer="monitoring",
    name="performance",
    description="Discrimination and calibration on the loans that matured in the month, on two "
    "bases: `issued`, the scores given at application, and `current`, the model in production.",
    schema=_facts,
    key=_key,
)
"""Discrimination and calibration on outcomes that matured in the month."""

PORTFOLIO = Table(
    layer="monitoring",
    name="portfolio",
    description="The loan book: the share of each vintage that was ever "
    f"{CONTRACT.outcome.arrears}, moves between buckets of missed instalments since the month "
    "before, volumes, default rate, and what became of delivered rows.",
    schema=_facts,
    key=_key,
)
"""The loan book: vintages, moves between buckets of missed instalments, volumes, rows delivered."""

EARLY_OUTCOMES = Table(
    layer="monitoring",
    name="early_outcomes",
    description="Scores whose labels are pending: AUC and default rate estimated by missed "
    "instalments from month on book 2 on, before that what calibrated scores promise; and each "
    "past estimate against what came.",
    schema=_facts,
    key=_key,
)
"""Estimates of pending cohorts, and how far off past ones were; `status` names the method."""

FACT_TABLES = {table.name: table for table in (DRIFT, PERFORMANCE, PORTFOLIO, EARLY_OUTCOMES)}

REPORT = Table(
    layer="monitoring",
    name="report",
    description="The month's traffic lights: one row for each condition that alerts speak of.",
    schema=schema_of(
        snapshot_date=pa.date32(),
        condition=pa.string(),
        light=pa.string(),
        sentence=pa.string(),
        value=pa.float64(),
    ),
    key=("condition",),
)
"""The traffic lights of the month: one row for each condition that alerts speak of."""
