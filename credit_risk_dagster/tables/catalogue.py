"""Every table of the platform, in the order in which a month fills them."""

from credit_risk_dagster.datamart.lineage import with_tables_beside
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.gold import COHORT, FEATURES_TABLE, LABELS
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import FACT_TABLES, REPORT
from credit_risk_dagster.tables.panel import SO_FAR
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster.tables.silver import SILVER
from credit_risk_dagster.tables.training import CANDIDATE_TABLES, TRAINING_DECISION

ALL_TABLES: tuple[Table, ...] = (
    *BRONZE.values(),
    *SILVER.values(),
    *SO_FAR.values(),
    FEATURES_TABLE,
    LABELS,
    COHORT,
    TRAINING_DECISION,
    *CANDIDATE_TABLES.values(),
    PRODUCTION_MODEL,
    PREDICTIONS,
    *FACT_TABLES.values(),
    REPORT,
)

BY_PATH = {table.path: table for table in ALL_TABLES}

STORED = with_tables_beside(ALL_TABLES)
"""Every table that is stored, those kept beside others included, by path."""

EVIDENCE = tuple(table for table in ALL_TABLES if table.is_evidence)
"""The tables that, with all that they rest on, are kept for ever."""
