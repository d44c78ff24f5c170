"""What a candidate is: a module with defaults, ranges, an order of complexity, and an estimator.

A module of any package that has these is a candidate once it is named in the setting
`tuning.candidates`; nothing else is to be changed.
"""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, Self, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.contract.candidates import CANDIDATES
from credit_risk_dagster.errors import PlatformError

if TYPE_CHECKING:
    from optuna.trial import Trial as OptunaTrial

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Parameters = Mapping[str, float | int]

PACKAGE = "credit_risk_dagster.models.candidates"
NEEDED = ("DEFAULTS", "SIMPLEST_FIRST", "STORED_TYPES", "suggest", "complexity", "estimator")


class Estimator(Protocol):
    """What a candidate fits: log-odds of default, of which every input has its part.

    `inputs` are as `panel_evidence.with_evidence` makes them: the features that are scored, numbers
    NaN and texts None where missing, and the evidence of each panel in log-odds.
    """

    def fit(self, inputs: pd.DataFrame, labels: Labels) -> Self:
        """Learn from n loans, seen once as they are and once without any panel."""
        ...

    def log_odds(self, inputs: pd.DataFrame) -> Floats:
        """Return the log-odds of default, shape (n,)."""
        ...

    def contributions(self, inputs: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return a base and, by column of `inputs`, what it adds: together the log-odds."""
        ...


class StagedEstimator(Estimator, Protocol):
    """An estimator that grows: one fit of the last stage gives the scores of all before it."""

    def stages(self) -> tuple[int, ...]:
        """Return the values of the parameter `rounds` that can be told apart, ascending."""
        ...

    def staged_log_odds(self, inputs: pd.DataFrame) -> Floats:
        """Return the log-odds at each stage, shape (stages, n)."""
        ...


class Candidate(Protocol):
    """A module that is a candidate.

    Attributes:
        DEFAULTS: the parameters that tuning tries first.
        SIMPLEST_FIRST: its place among candidates where no difference decides: the lowest wins.
        STORED_TYPES: the types, by module and name, that its stored models hold.
    """

    DEFAULTS: Parameters
    SIMPLEST_FIRST: int
    STORED_TYPES: tuple[str, ...]

    def suggest(self, trial: "OptunaTrial") -> Parameters:
        """Return what an Optuna trial proposes."""
        ...

    def complexity(self, parameters: Parameters) -> float:
        """Return a number that is lower for parameters that give a simpler model."""
        ...

    def estimator(self, parameters: Parameters, seed: int) -> Estimator:
        """Return an unfitted estimator; each fit runs on one thread and repeats exactly."""
        ...


def candidate_named(name: str) -> Candidate:
    """Return the candidate of a name in CANDIDATES, or of one of this package.

    Raises:
        PlatformError: if there is none.
    """
    address = CANDIDATES.get(name, name)
    address = address if "." in address else f"{PACKAGE}.{address}"
    try:
        module = importlib.import_module(address)
    except ModuleNotFoundError as error:
        raise PlatformError(
            f"The candidate {name} is to be in {address}, of which {error.name} cannot be "
            "imported. Correct CREDIT_RISK_TUNING__CANDIDATES, or install the package."
        ) from error
    lacking = [one for one in NEEDED if not hasattr(module, one)]
    if lacking:
        raise PlatformError(
            f"The candidate {name} in {address} lacks {', '.join(lacking)}: "
            f"{PACKAGE}.interface says what a candidate has."
        )
    return cast("Candidate", module)
