"""The candidates of every training, by name."""

from typing import Literal

CandidateName = Literal["logistic_regression", "xgboost"]

CANDIDATES: tuple[CandidateName, ...] = ("logistic_regression", "xgboost")
