"""Labels and probabilities of the same loans, checked once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScoredSample:
    """Matured loans with their score: `is_bad` and `probabilities`, both of shape (n,)."""

    is_bad: npt.NDArray[np.bool_]
    probabilities: Floats

    @property
    def size(self) -> int:
        """The number of loans."""
        return self.is_bad.size

    @property
    def bads(self) -> int:
        """The number of loans that defaulted."""
        return int(np.count_nonzero(self.is_bad))

    @property
    def goods(self) -> int:
        """The number of loans that did not default."""
        return self.size - self.bads


def scored_sample(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> ScoredSample:
    """Check labels (0 or 1) against probabilities of default of the same loans.

    Raises:
        ValueError: naming the argument and the first row that is missing or out of range, or both
            lengths where they differ.
    """
    label_values = _numbers("labels", labels)
    probability_values = _numbers("probabilities", probabilities)
    if label_values.size != probability_values.size:
        raise ValueError(
            f"labels has {label_values.size} rows, probabilities {probability_values.size}: "
            "give both for the same loans"
        )
    is_label = (label_values == 0) | (label_values == 1)
    is_probability = (probability_values >= 0) & (probability_values <= 1)
    _refuse("labels", "neither 0 nor 1", label_values, ~is_label)
    _refuse("probabilities", "outside 0 to 1", probability_values, ~is_probability)
    return ScoredSample(label_values == 1, probability_values)


def _numbers(name: str, values: npt.ArrayLike) -> Floats:
    numbers = pd.Series(np.asarray(values)).to_numpy(dtype=np.float64, na_value=np.nan)
    _refuse(name, "missing", numbers, np.isnan(numbers))
    return numbers


def _refuse(name: str, fault: str, values: Floats, faulty: npt.NDArray[np.bool_]) -> None:
    if faulty.any():
        row = int(np.argmax(faulty))
        raise ValueError(
            f"{name} has {int(faulty.sum())} of {values.size} values {fault}; "
            f"the first is {values[row]:g} in row {row}"
        )
