"""What holds for every candidate, and that a fourth is one module and its name in a setting."""

import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest
from optuna.trial import FixedTrial, Trial
from sklearn.metrics import roc_auc_score

from credit_risk_dagster.contract.candidates import CANDIDATES
from credit_risk_dagster.contract.feature import Direction
from credit_risk_dagster.contract.features import DIRECTIONS, SCORED_NUMBERS
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.models.candidates.interface import candidate_named
from credit_risk_dagster.models.credit_model import CreditModel
from credit_risk_dagster.models.dark_sources import without
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.models.training_rows import labels_of
from credit_risk_dagster_tests.models.loan_frames import loan_frame, train, trained

FRAME = loan_frame(20)

every_candidate = pytest.mark.parametrize("candidate", CANDIDATES)


def fitted(candidate: str, frame: pd.DataFrame = FRAME) -> CreditModel:
    module = candidate_named(candidate)
    parameters = dict(module.DEFAULTS) | ({"rounds": 60} if candidate == "xgboost" else {})
    return CreditModel(module.estimator(parameters, 1)).fit(frame, labels_of(frame))


@every_candidate
def test_the_first_trial_lies_inside_the_search_space(candidate: str) -> None:
    module = candidate_named(candidate)
    trial = FixedTrial(dict(module.DEFAULTS))
    assert module.suggest(cast("Trial", trial)) == module.DEFAULTS
    for name, distribution in trial.distributions.items():
        assert distribution._contains(distribution.to_internal_repr(module.DEFAULTS[name]))


@every_candidate
def test_every_tuned_parameter_changes_the_model(candidate: str) -> None:
    module = candidate_named(candidate)
    base = {**module.DEFAULTS, **({"rounds": 40} if candidate == "xgboost" else {})}
    before = score(CreditModel(module.estimator(base, 1)).fit(FRAME, labels_of(FRAME)), FRAME)
    for name, value in base.items():
        # The scorecard of so few loans has no matrix, whose penalty cannot matter then.
        if name != "matrix_penalty":
            other = module.estimator(base | {name: type(value)(value / 2)}, 1)
            after = score(CreditModel(other).fit(FRAME, labels_of(FRAME)), FRAME)
            assert not np.array_equal(before, after), name


@every_candidate
def test_a_category_never_seen_in_training_is_scored(candidate: str) -> None:
    assert np.isfinite(score(fitted(candidate), FRAME.head(5).assign(credit_mix="Odd"))).all()


@every_candidate
def test_one_absurd_amount_moves_no_score_further_than_a_very_high_one(candidate: str) -> None:
    model = fitted(candidate)
    high, absurd = (
        FRAME.head(20).assign(total_emi_per_month=value) for value in (5_000.0, 82_000_000.0)
    )
    np.testing.assert_array_equal(score(model, high), score(model, absurd))


@every_candidate
def test_a_source_that_goes_dark_makes_nobody_look_safe(candidate: str) -> None:
    """Means of scores with and without it agree, and with default rates."""
    model = trained(candidate).model
    frame = loan_frame(seed=5)
    lit, dark = score(model, frame), score(model, without(frame, "clickstream"))
    assert dark.mean() == pytest.approx(lit.mean(), abs=0.03)
    assert dark.mean() == pytest.approx(labels_of(frame).mean(), abs=0.04)


@every_candidate
def test_a_model_trains_without_any_clickstream_and_scores_alike_with_it(candidate: str) -> None:
    dark = without(FRAME, "clickstream")
    model = fitted(candidate, dark)
    np.testing.assert_array_equal(score(model, FRAME), score(model, dark))


@pytest.mark.parametrize("candidate", ["scorecard", "xgboost"])
@pytest.mark.parametrize(
    "feature", [one for one in SCORED_NUMBERS if DIRECTIONS[one] is not Direction.FREE]
)
def test_no_score_moves_against_the_direction_that_the_contract_demands(
    candidate: str, feature: str
) -> None:
    model, loans = trained(candidate).model, FRAME.head(40)
    grid = np.quantile(FRAME[feature].dropna(), np.linspace(0, 1, 12))
    scores = np.array([score(model, loans.assign(**{feature: value})) for value in grid])
    steps = np.diff(scores, axis=0) * (1 if DIRECTIONS[feature] is Direction.UP else -1)
    assert steps.min() >= -1e-7


@every_candidate
def test_shuffled_labels_teach_nothing(candidate: str) -> None:
    frame = loan_frame(60, seed=3)
    shuffled = np.random.default_rng(1).permutation(labels_of(frame))
    result = train(frame.assign(default=shuffled), candidate)
    auc = roc_auc_score(result.oot_labels, result.oot_probabilities)
    assert abs(auc - 0.5) < 0.17  # 120 loans: three standard errors


FOREST = """
from sklearn.base import BaseEstimator
import numpy as np, pandas as pd
DEFAULTS = {"weight": 1.0}
SIMPLEST_FIRST = 9
STORED_TYPES = ("lender.coin.Coin",)
def suggest(trial): return {"weight": trial.suggest_float("weight", 0.5, 2.0)}
def complexity(parameters): return parameters["weight"]
def estimator(parameters, seed): return Coin(parameters["weight"])
class Coin(BaseEstimator):
    def __init__(self, weight=1.0): self.weight = weight
    def fit(self, inputs, labels):
        self.prior_ = float(np.log(labels.mean() / (1 - labels.mean())))
        return self
    def log_odds(self, inputs):
        return self.prior_ + self.weight * inputs["clickstream_evidence"].to_numpy()
    def contributions(self, inputs):
        parts = pd.DataFrame(0.0, index=inputs.index, columns=inputs.columns)
        parts["clickstream_evidence"] = self.weight * inputs["clickstream_evidence"]
        return self.prior_, parts
"""

TRAINED = """
from pathlib import Path
from credit_risk_dagster.models.storage import MODEL_FILE, load_model, save_model
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.tables.training import CANDIDATE_TABLES
from credit_risk_dagster_tests.models.loan_frames import loan_frame, train
assert list(CANDIDATE_TABLES) == ["scorecard", "coin"]
result = train(loan_frame(), "coin")
saved = save_model(result.model, Path("model"))
again = load_model(Path("model") / MODEL_FILE, saved[MODEL_FILE])
assert (score(again, loan_frame()) == score(result.model, loan_frame())).all()
print(result.candidate, len(result.oot_probabilities))
"""


def test_a_fourth_candidate_is_one_module_and_its_name_in_a_setting(tmp_path: Path) -> None:
    package = tmp_path / "lender"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "coin.py").write_text(FOREST, encoding="utf-8")
    root = Path(__file__).parents[2]
    said = subprocess.run(
        [sys.executable, "-c", TRAINED],
        cwd=tmp_path,
        env=os.environ
        | {
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{root}",
            "CREDIT_RISK_TUNING__CANDIDATES": '["scorecard", "lender.coin"]',
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout.split() == ["coin", "80"], said.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [("lender.forest", "cannot be imported"), ("interface", "lacks DEFAULTS")],
)
def test_a_candidate_that_is_none_is_refused_in_words(name: str, words: str) -> None:
    with pytest.raises(PlatformError, match=words):
        candidate_named(name)
