"""Names, ages, occupations and social security numbers that nobody has."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.demo.applicants import Applicants
from credit_risk_dagster.demo.marginals import AGE, from_scores
from credit_risk_dagster.demo.streams import Purpose, stream

OCCUPATIONS = (
    "Accountant",
    "Architect",
    "Developer",
    "Doctor",
    "Engineer",
    "Entrepreneur",
    "Journalist",
    "Lawyer",
    "Manager",
    "Mechanic",
    "Media_Manager",
    "Musician",
    "Scientist",
    "Teacher",
    "Writer",
)

SYLLABLES = ("bra", "dol", "fen", "gri", "hux", "jov", "kel", "lum", "mor", "nax", "pli", "quo")
ENDINGS = ("ba", "dek", "fin", "gor", "lis", "mund", "nip", "ros", "tav", "vel", "wick", "zor")

AGE_LOADING = -0.25


def clean_attributes(applicants: Applicants, seed: int) -> pd.DataFrame:
    """Return the attributes of applicants before dirt gets into them."""
    random = stream(seed, Purpose.ATTRIBUTES, applicants.month)
    count = len(applicants.customer_ids)
    own = random.standard_normal(count)
    age = AGE_LOADING * applicants.weakness + np.sqrt(1 - AGE_LOADING**2) * own
    columns = {
        "Customer_ID": applicants.customer_ids.astype(object),
        "Name": _names(random, count),
        "Age": from_scores(age, AGE).round().astype(np.int64),
        "SSN": _social_security_numbers(random, count),
        "Occupation": np.array(OCCUPATIONS, dtype=object)[
            random.integers(len(OCCUPATIONS), size=count)
        ],
        "snapshot_date": np.full(count, applicants.month, dtype=object),
    }
    return pd.DataFrame(columns, columns=list(ATTRIBUTES.headers))


def _names(random: np.random.Generator, count: int) -> npt.NDArray[np.object_]:
    syllables, endings = np.array(SYLLABLES, dtype=object), np.array(ENDINGS, dtype=object)
    starts = syllables[random.integers(len(SYLLABLES), size=(3, count))]
    ends = endings[random.integers(len(ENDINGS), size=(2, count))]
    given = np.array([name.capitalize() for name in starts[0] + ends[0]], dtype=object)
    family = np.array([name.capitalize() for name in starts[1] + starts[2] + ends[1]], dtype=object)
    return np.where(random.random(count) < 0.6, family, given + " " + family)


def _social_security_numbers(random: np.random.Generator, count: int) -> npt.NDArray[np.object_]:
    # Area number 000 has never been issued, so nobody has any of these.
    group, serial = random.integers(100, size=count), random.integers(10_000, size=count)
    pairs = zip(group.tolist(), serial.tolist(), strict=True)
    return np.array([f"000-{first:02d}-{last:04d}" for first, last in pairs], dtype=object)
