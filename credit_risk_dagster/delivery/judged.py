"""Some lines or rows of a file, each with what is wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import pyarrow as pa

from credit_risk_dagster.delivery.syntax import Integers, Truths

LINE_LIMIT = 1 << 20
"""The most bytes of a line."""


class Fault(IntEnum):
    """Why a line is rejected; of several reasons the one with the highest number is given."""

    NONE = 0
    LACKING_COLUMN = 1
    OTHER_MONTH = 2
    DATE = 3
    FIELDS = 4
    QUOTES = 5
    CARRIAGE_RETURN = 6
    ENCODING = 7
    NUL = 8
    BLANK = 9
    CUT_OFF = 10
    TOO_LONG = 11


@dataclass(frozen=True)
class Judged:
    """Some lines of a text file or rows of a Parquet file; one element of each in every array."""

    numbers: Integers
    """The number of each line, the header being line 1; of a row in a Parquet file from 1 on."""
    field_counts: Integers
    """How many fields each has; without meaning where quotes are at fault."""
    months: Integers
    """Months since year 0 of its month; NO_MONTH where it cannot be told."""
    faults: Integers
    """The `Fault` of each."""
    values: Callable[[Integers], pa.Table]
    """Gives the text in the columns of the header of some of them, which have no fault."""
    as_delivered: Callable[[int], str]
    """Gives one of them as it was delivered, bytes that are not text escaped."""


def worst(found: dict[Fault, Truths]) -> Integers:
    """Return the fault that is given for each line, of all that were found."""
    faults = np.zeros(len(found[Fault.DATE]), dtype=np.int64)
    for fault, lines in sorted(found.items()):
        faults[lines] = fault
    return faults
