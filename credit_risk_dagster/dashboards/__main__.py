"""Write the dashboards' files anew: `python -m credit_risk_dagster.dashboards`."""

import sys

from credit_risk_dagster.dashboards.files import write

for path in write():
    sys.stdout.write(f"{path}\n")
