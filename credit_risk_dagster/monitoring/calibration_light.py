"""Where probabilities and outcomes differ by more than noise, from a month's performance facts."""

from collections.abc import Hashable, Mapping
from statistics import NormalDist
from typing import Any

import pandas as pd
from scipy.stats import binomtest

from credit_risk_dagster.models.metric import Z

FALSE_ALARM_LEVEL = 0.01
"""How often a basis of calibrated scores is called wrong by any of its tests."""

OVERALL_FIGURES = ("observed_expected_ratio", "calibration_slope")


def calibration_faults(performance: pd.DataFrame) -> list[str]:
    """Return what is off by more than noise, on each basis, as parts of a sentence.

    The tests of a basis, two overall and one for each band, share the level of false alarms among
    them (Bonferroni). A band's is the exact binomial one of its mean probability.

    Args:
        performance: performance facts of a month.
    """
    faults: list[str] = []
    for basis in ("current", "issued"):
        rows = performance[(performance["basis"] == basis) & performance["value"].notna()]
        bands = rows[rows["subject"].str.startswith("band ")]
        table = bands.pivot(index="subject", columns="metric", values="value")
        level = FALSE_ALARM_LEVEL / (len(OVERALL_FIGURES) + len(table))
        overall = rows[(rows["subject"] == "overall") & rows["metric"].isin(OVERALL_FIGURES)]
        for one in overall.to_dict("records"):
            if _differs_from_one(one, level):
                named = one["metric"].replace("_", " ")
                faults.append(f"{basis} {named} {one['value']:.2f} is not 1")
        sizes = dict(zip(bands["subject"], bands["sample_size"], strict=True))
        for band, row in table.iterrows():
            size = int(sizes[str(band)])
            expected, observed = row["expected_default_rate"], row["observed_default_rate"]
            if binomtest(round(observed * size), size, expected).pvalue < level:
                faults.append(
                    f"{basis} {band}: {observed:.1%} defaulted where {expected:.1%} were expected"
                )
    return faults


def _differs_from_one(row: Mapping[Hashable, Any], level: float) -> bool:
    error = (row["upper"] - row["lower"]) / (2 * Z)
    return bool(error > 0 and abs(row["value"] - 1) > NormalDist().inv_cdf(1 - level / 2) * error)
