import hashlib
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from xgboost import Booster, DMatrix

from credit_risk_dagster.contract.candidates import CANDIDATES
from credit_risk_dagster.contract.features import FEATURES
from credit_risk_dagster.errors import ModelError
from credit_risk_dagster.models.explanation import explain
from credit_risk_dagster.models.identity import learned_numbers_hash
from credit_risk_dagster.models.log_odds import logistic
from credit_risk_dagster.models.reference import model_inputs
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.models.storage import BOOSTER_FILE, MODEL_FILE, load_model, save_model
from credit_risk_dagster_tests.models.loan_frames import loan_frame, trained

FRAME = loan_frame()
OLD_HOME = Path(__file__).parents[1] / "operations" / "home_of_release_0_1.tar.xz"

every_candidate = pytest.mark.parametrize("candidate", CANDIDATES)


class Unknown:
    """A type that no model of the platform holds."""

    def __init__(self) -> None:
        self.value = 1


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@every_candidate
def test_a_stored_model_scores_explains_and_identifies_as_before(
    candidate: str, tmp_path: Path
) -> None:
    model = trained(candidate).model
    hashes = save_model(model, tmp_path)
    loaded = load_model(tmp_path / MODEL_FILE, hashes[MODEL_FILE])
    np.testing.assert_array_equal(score(loaded, FRAME), score(model, FRAME))
    np.testing.assert_array_equal(
        explain(loaded, FRAME).contributions, explain(model, FRAME).contributions
    )
    assert learned_numbers_hash(loaded) == learned_numbers_hash(model)


@every_candidate
def test_the_recorded_hashes_are_those_of_the_files(candidate: str, tmp_path: Path) -> None:
    hashes = save_model(trained(candidate).model, tmp_path)
    assert hashes == {path.name: sha256_of(path) for path in tmp_path.iterdir()}


def test_the_booster_file_is_read_by_xgboost_alone(tmp_path: Path) -> None:
    model = trained("xgboost").model
    save_model(model, tmp_path)
    booster = Booster(model_file=tmp_path / BOOSTER_FILE)
    trees, inputs = model.estimator, model.inputs(FRAME)
    margin = trees.prior_ + inputs["clickstream_evidence"].to_numpy()
    rows = DMatrix(trees.encoding_.matrix(inputs), base_margin=margin)
    np.testing.assert_allclose(booster.predict(rows), score(model, FRAME), rtol=1e-6)


@pytest.mark.parametrize("position", [0, 0.5, 1])
def test_one_tampered_byte_is_refused(position: float, tmp_path: Path) -> None:
    hashes = save_model(trained("logistic_regression").model, tmp_path)
    path = tmp_path / MODEL_FILE
    content = bytearray(path.read_bytes())
    content[int(position * (len(content) - 1))] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not the one that was recorded"):
        load_model(path, hashes[MODEL_FILE])


def test_another_models_file_is_refused(tmp_path: Path) -> None:
    recorded = save_model(trained("logistic_regression").model, tmp_path / "one")
    save_model(trained("xgboost").model, tmp_path / "other")
    with pytest.raises(ModelError, match="not the one that was recorded"):
        load_model(tmp_path / "other" / MODEL_FILE, recorded[MODEL_FILE])


def test_a_type_that_is_not_on_the_list_is_refused_even_if_it_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / MODEL_FILE
    skops.io.dump(Unknown(), path)
    with pytest.raises(ModelError, match=r"not trusted.*Unknown"):
        load_model(path, sha256_of(path))


def test_a_model_with_a_foreign_part_inside_is_refused(tmp_path: Path) -> None:
    save_model(trained("logistic_regression").model, tmp_path)
    altered = load_model(tmp_path / MODEL_FILE, sha256_of(tmp_path / MODEL_FILE))
    altered.estimator.extra = Unknown()
    save_model(altered, tmp_path)
    with pytest.raises(ModelError, match="not trusted"):
        load_model(tmp_path / MODEL_FILE, sha256_of(tmp_path / MODEL_FILE))


def test_a_trusted_type_that_is_not_a_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / MODEL_FILE
    skops.io.dump(LogisticRegression(), path)
    with pytest.raises(ModelError, match="a LogisticRegression that is not a model"):
        load_model(path, sha256_of(path))


class Intruder:
    """A pickle that writes a file when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_pickle_under_the_models_name_is_never_opened(tmp_path: Path) -> None:
    path, trace = tmp_path / MODEL_FILE, tmp_path / "opened"
    path.write_bytes(pickle.dumps(Intruder(trace)))
    for recorded in (sha256_of(path), "0" * 64):
        with pytest.raises(ModelError):
            load_model(path, recorded)
    assert not trace.exists()


def test_a_missing_model_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.skops cannot be read.*run all months from"):
        load_model(tmp_path / MODEL_FILE, "0" * 64)


def test_a_model_of_the_release_before_scores_and_says_why(tmp_path: Path) -> None:
    """It has read no counts and no squares, and reads today's gold all the same."""
    with tarfile.open(OLD_HOME) as archive:
        wanted = [one for one in archive.getmembers() if one.name.endswith(f"/{MODEL_FILE}")]
        archive.extractall(tmp_path, wanted, filter="data")
    for path in tmp_path.rglob(MODEL_FILE):
        model = load_model(path, sha256_of(path))
        explanation = explain(model, FRAME)
        total = explanation.base + explanation.contributions.sum(axis=1)
        np.testing.assert_allclose(logistic(total), score(model, FRAME), atol=1e-5)
        assert "clickstream" in explanation.contributions
        assert tuple(model_inputs(model, FRAME).columns) == FEATURES
    assert len(wanted) == 2
