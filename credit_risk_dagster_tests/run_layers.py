"""Runs months of some layers of the home in CREDIT_RISK_HOME, in a process of its own.

python -m credit_risk_dagster_tests.run_layers 2023-01-01 2023-05-01 bronze silver gold
"""

import sys

from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.settings import load_settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster_tests.table_runs import failures, run_tables

if __name__ == "__main__":
    first, last, *layers = sys.argv[1:]
    tables = [table for table in ALL_TABLES if table.layer in layers]
    settings = load_settings()
    with open_instance(settings) as instance:
        result = run_tables(settings, instance, first, last, *tables)
    if not result.success:
        sys.exit(str(failures(result)))
