"""Runs months of the home in CREDIT_RISK_HOME up to their scores, without what watches them.

python -m credit_risk_dagster_tests.run_to_scores 2023-01-01 2023-11-01
"""

import sys

from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.settings import load_settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster_tests.table_runs import failures, run_tables

TABLES = [table for table in ALL_TABLES if table.layer != "monitoring"]

if __name__ == "__main__":
    settings = load_settings()
    with open_instance(settings) as instance:
        result = run_tables(settings, instance, sys.argv[1], sys.argv[2], *TABLES)
    if not result.success:
        sys.exit(str(failures(result)))
