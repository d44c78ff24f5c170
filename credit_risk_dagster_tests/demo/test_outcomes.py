from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from credit_risk_dagster.demo.applicants import draw_applicants
from credit_risk_dagster.demo.financials import financial_scores
from credit_risk_dagster.demo.outcomes import draw_defaults
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster_tests.demo.conftest import Extracts, numbers
from credit_risk_dagster_tests.reference_tables import CLICKSTREAM_FEATURES

FINANCIAL_RANGES = {
    "Annual_Income": (0, 200_000),
    "Num_Bank_Accounts": (0, 50),
    "Num_Credit_Card": (0, 20),
    "Interest_Rate": (0, 100),
    "Num_of_Loan": (0, 20),
    "Delay_from_due_date": (-10, 100),
    "Num_of_Delayed_Payment": (0, 100),
    "Num_Credit_Inquiries": (0, 50),
    "Outstanding_Debt": (0, 10_000),
    "Credit_Utilization_Ratio": (0, 100),
}
SHRINKAGE_MONTHS = 12


@pytest.fixture(scope="module")
def features(extracts: Extracts, labels: pd.DataFrame) -> pd.DataFrame:
    """Cleaned financials and shrunk means of the clickstream up to the application."""
    financials = extracts["financials"].set_index("Customer_ID")
    table = pd.DataFrame({name: numbers(financials[name]) for name in FINANCIAL_RANGES})
    for name, accepted in FINANCIAL_RANGES.items():
        table[name] = table[name].where(table[name].between(*accepted))
    table = table.fillna(table.median())
    clickstream = extracts["clickstream"]
    so_far = clickstream["snapshot_date"] <= clickstream["Customer_ID"].map(labels["applied"])
    known = clickstream[so_far].set_index("Customer_ID")[list(CLICKSTREAM_FEATURES)]
    groups = known.groupby(level=0)
    weight = groups.size() / (groups.size() + SHRINKAGE_MONTHS)
    means = 100 + (groups.mean() - 100).mul(weight, axis=0)
    return labels.join(table).join(means).fillna(100)


def out_of_time_auc(features: pd.DataFrame, first: int, model: str) -> float:
    months = sorted(set(features["applied"]))[first : first + 14]
    columns = [*FINANCIAL_RANGES, *CLICKSTREAM_FEATURES]
    train = features[features["applied"].isin(months[:12])]
    test = features[features["applied"].isin(months[12:])]
    estimator = _estimator(model)
    estimator.fit(train[columns], train["default"])
    scores: npt.NDArray[np.float64] = estimator.predict_proba(test[columns])[:, 1]
    return float(roc_auc_score(test["default"], scores))


def _estimator(model: str) -> Any:
    if model == "logistic_regression":
        return make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    from xgboost import XGBClassifier

    return XGBClassifier(
        n_estimators=150, max_depth=3, learning_rate=0.08, subsample=0.8, n_jobs=1, random_state=0
    )


def test_between_26_and_33_percent_default_in_every_month(labels: pd.DataFrame) -> None:
    rates = labels.groupby("matured")["default"].mean()
    assert len(rates) == 24
    assert rates.between(0.26, 0.33).all()


@pytest.mark.parametrize("model", ["logistic_regression", "xgboost"])
@pytest.mark.parametrize("first", [0, 10])
def test_an_honest_model_reaches_an_auc_of_a_good_scorecard_out_of_time(
    first: int, model: str, features: pd.DataFrame
) -> None:
    assert 0.86 <= out_of_time_auc(features, first, model) <= 0.91


def test_finances_alone_say_less_than_finances_and_behaviour(features: pd.DataFrame) -> None:
    without = features.assign(**dict.fromkeys(CLICKSTREAM_FEATURES, 100.0))
    alone = out_of_time_auc(without, 0, "logistic_regression")
    assert 0.70 < alone < out_of_time_auc(features, 0, "logistic_regression") - 0.05


def test_applicants_who_drift_towards_risk_default_more_often() -> None:
    applicants = draw_applicants(DemoPortfolio("2025-06", applicants_per_month=4_000), "2024-01-01")
    scores = financial_scores(applicants, 1)
    rates = [draw_defaults(applicants, scores, 1, drift).mean() for drift in (0.0, 0.5, 1.0)]
    assert 0.27 < rates[0] < rates[1] < rates[2] < 0.60
