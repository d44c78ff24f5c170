"""The commands of an operator are tried on the installation and the backup of their tests."""

from credit_risk_dagster_tests.operations.conftest import backup, installation

__all__ = ["backup", "installation"]
