"""Write the dashboards' files anew: `python -m credit_risk_dagster.observability.dashboards`."""

import sys

from credit_risk_dagster.observability.dashboards.files import write

for path in write():
    sys.stdout.write(f"{path}\n")
