"""A sample of loans that depends on nothing but the loans themselves."""

import numpy as np
import numpy.typing as npt
import pandas as pd


def sampled(loan_ids: pd.Series, count: int) -> npt.NDArray[np.bool_]:
    """Return which of n loans are in the sample of `count` of them, shape (n,): all if n is less.

    Those whose hash (SipHash with a fixed key) is smallest: the same loans in any order, process
    and engine, and a loan more or less changes one loan of the sample.
    """
    if len(loan_ids) <= count:
        return np.ones(len(loan_ids), dtype=np.bool_)
    hashes = pd.util.hash_array(loan_ids.to_numpy(dtype=object), categorize=False)
    kept = np.zeros(len(loan_ids), dtype=np.bool_)
    kept[np.argpartition(hashes, count)[:count]] = True
    return kept
