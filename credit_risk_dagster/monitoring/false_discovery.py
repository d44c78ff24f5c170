"""False discoveries among many tests of a month, kept to a rate."""

import numpy as np
import numpy.typing as npt


def discoveries(p_values: npt.ArrayLike, rate: float) -> npt.NDArray[np.bool_]:
    """Return which of n tests are called: of those called, the share that is wrong is at most rate.

    In expectation, for independent tests and those that go together.

    Args:
        p_values: shape (n,).
        rate: the false discovery rate.

    Source:
        Benjamini & Hochberg (1995), Controlling the false discovery rate.
    """
    values = np.asarray(p_values, dtype=np.float64)
    ordered = np.sort(values)
    allowed = rate * np.arange(1, values.size + 1) / max(values.size, 1)
    passed = np.flatnonzero(ordered <= allowed)
    if passed.size == 0:
        return np.zeros(values.size, dtype=np.bool_)
    called: npt.NDArray[np.bool_] = values <= ordered[passed[-1]]
    return called
