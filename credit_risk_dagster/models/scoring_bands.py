"""Score bands: A for the lowest probabilities of default, then B, C and so on."""

from collections.abc import Sequence
from string import ascii_uppercase

import numpy as np
import numpy.typing as npt


def bands(probabilities: npt.ArrayLike, bounds: Sequence[float]) -> npt.NDArray[np.object_]:
    """Return the band of each probability, shape (n,).

    Args:
        probabilities: shape (n,).
        bounds: the upper bound of each band but the last, which is open; ascending, at most 25.
    """
    letters = np.array(list(ascii_uppercase[: len(bounds) + 1]), dtype=object)
    positions = np.searchsorted(np.asarray(bounds), np.asarray(probabilities), side="right")
    return np.asarray(letters[positions], dtype=object)
