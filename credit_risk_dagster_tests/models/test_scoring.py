import numpy as np
import pandas as pd
import pytest

from credit_risk_dagster.contract.candidates import CANDIDATES
from credit_risk_dagster.errors import ModelError
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster_tests.models.loan_frames import loan_frame, trained

FRAME = loan_frame()

every_candidate = pytest.mark.parametrize("candidate", CANDIDATES)


@every_candidate
def test_a_month_without_applicants_has_no_scores(candidate: str) -> None:
    assert score(trained(candidate).model, FRAME.head(0)).shape == (0,)


@every_candidate
def test_a_loan_has_the_same_score_alone_and_among_others(candidate: str) -> None:
    model = trained(candidate).model
    alone = [score(model, FRAME.iloc[[row]])[0] for row in range(10)]
    np.testing.assert_allclose(alone, score(model, FRAME)[:10], rtol=1e-12)


@every_candidate
def test_columns_are_read_by_name(candidate: str) -> None:
    model = trained(candidate).model
    shuffled = FRAME[sorted(FRAME.columns)]
    np.testing.assert_array_equal(score(model, shuffled), score(model, FRAME))


def test_a_table_without_a_feature_is_refused() -> None:
    with pytest.raises(ModelError, match="credit_mix"):
        score(trained("logistic_regression").model, FRAME.drop(columns="credit_mix"))


def test_labels_are_not_read() -> None:
    model = trained("logistic_regression").model
    flipped: pd.DataFrame = FRAME.assign(default=1 - FRAME["default"])
    np.testing.assert_array_equal(score(model, flipped), score(model, FRAME))
