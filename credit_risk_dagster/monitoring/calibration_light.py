"""Where probabilities and outcomes differ by more than noise, from a month's performance facts."""

from statistics import NormalDist

import pandas as pd
from scipy.stats import binomtest

from credit_risk_dagster.models.metric import Z

FALSE_ALARM_LEVEL = 0.01
"""How often a basis of calibrated scores is called wrong by any of its tests."""

OVERALL_TESTS = 2
"""Observed over expected, and the slope."""


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
        level = FALSE_ALARM_LEVEL / (OVERALL_TESTS + len(table))
        overall = rows[rows["subject"] == "overall"].set_index("metric")
        for metric in ("observed_expected_ratio", "calibration_slope"):
            if metric in overall.index and _differs_from_one(overall.loc[metric], level):
                value = overall.loc[metric, "value"]
                faults.append(f"{basis} {metric.replace('_', ' ')} {value:.2f} is not 1")
        sizes = bands.drop_duplicates("subject").set_index("subject")["sample_size"]
        for band, row in table.iterrows():
            size = int(sizes[band])
            expected, observed = row["expected_default_rate"], row["observed_default_rate"]
            if binomtest(round(observed * size), size, expected).pvalue < level:
                faults.append(
                    f"{basis} {band}: {observed:.1%} defaulted where {expected:.1%} were expected"
                )
    return faults


def _differs_from_one(row: "pd.Series[float]", level: float) -> bool:
    error = (row["upper"] - row["lower"]) / (2 * Z)
    return bool(error > 0 and abs(row["value"] - 1) > NormalDist().inv_cdf(1 - level / 2) * error)
