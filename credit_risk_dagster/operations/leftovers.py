"""What a killed run or restore left behind: no reader takes it for data, but it takes space."""

from pathlib import Path

from credit_risk_dagster.automation.maintenance import left_by_killed_runs
from credit_risk_dagster.datamart.datamart import TABLES, Datamart
from credit_risk_dagster.datamart.place import REFUSED

RESTORING = ".restoring"


def leftovers(home: Path) -> list[Path]:
    """Return what was left half done in a home; with a run at work, also what it is writing."""
    return sorted([*home.glob(RESTORING), *left_by_killed_runs(Datamart(home))])


def refused_partitions(home: Path) -> list[Path]:
    """Return the folders in which refused rows are kept aside for a person to look at."""
    return sorted((home / TABLES).glob(f"*/*/{REFUSED}/*"))
