"""The candidates of every training: their names, and the modules that they are in."""

from credit_risk_dagster.settings import load_settings

OWN_CANDIDATES = ("logistic_regression", "scorecard", "xgboost")
"""The candidates of this package."""

CANDIDATES = {address.rpartition(".")[2]: address for address in load_settings().tuning.candidates}
"""By name, the candidates of this installation: names of this package's, addresses of others'.

A process serves one installation: its tables and assets follow from them.
"""
