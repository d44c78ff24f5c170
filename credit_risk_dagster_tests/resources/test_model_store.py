import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from credit_risk_dagster.datamart.object_store import ObjectStore
from credit_risk_dagster.errors import ModelError
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.models.storage import MODEL_FILE
from credit_risk_dagster.monitoring.reference import SCORES_FILE, Reference, freeze_reference
from credit_risk_dagster.resources.model_store import CARD as CARD_FILE
from credit_risk_dagster.resources.model_store import HASHES, ModelStore
from credit_risk_dagster_tests.models.loan_frames import loan_frame, trained
from credit_risk_dagster_tests.object_store import S3Server

MODEL_ID = "2024-09-logistic_regression-0123456789ab"
CARD = {"model_id": MODEL_ID, "oot_auc": 0.9, "note": "März"}


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture
def in_store(tmp_path: Path, s3: S3Server) -> ModelStore:
    """The models of an installation that keeps them in an object store."""
    return ModelStore(tmp_path / "copies", ObjectStore(s3.uri(tmp_path.name), tmp_path))


def test_a_model_in_an_object_store_is_loaded_by_another_machine(
    in_store: ModelStore, tmp_path: Path
) -> None:
    sha256 = save(in_store)
    another = ModelStore(tmp_path / "of another machine", in_store.store)
    assert another.holds(MODEL_ID, sha256)
    frame = loan_frame(5)
    np.testing.assert_array_equal(
        score(another.load(MODEL_ID, sha256), frame),
        score(trained("logistic_regression").model, frame),
    )
    assert another.card(MODEL_ID) == CARD
    assert another.reference(MODEL_ID).scores.equals(reference().scores)


def test_a_model_that_is_damaged_in_the_store_is_found_and_not_loaded(
    in_store: ModelStore, tmp_path: Path
) -> None:
    sha256 = save(in_store)
    assert in_store.store is not None
    in_store.store.write(f"{MODEL_ID}/{MODEL_FILE}", b"another model")
    assert not in_store.holds(MODEL_ID, sha256)
    with pytest.raises(ModelError, match="is not the one that was recorded"):
        ModelStore(tmp_path / "elsewhere", in_store.store).load(MODEL_ID, sha256)


def test_a_model_that_only_half_arrived_in_the_store_is_uploaded_again(
    in_store: ModelStore, tmp_path: Path
) -> None:
    sha256 = save(in_store)
    assert in_store.store is not None
    in_store.store.remove(f"{MODEL_ID}/{HASHES}")
    in_store.store.remove(f"{MODEL_ID}/{MODEL_FILE}")
    another = ModelStore(tmp_path / "elsewhere", in_store.store)
    assert not another.holds(MODEL_ID, sha256)
    assert another.holds(MODEL_ID, save(another))


def reference(seed: int = 1) -> Reference:
    generator = np.random.default_rng(seed)
    inputs = pd.DataFrame({"age": generator.normal(40, 9, 200), "occupation": ["Lawyer"] * 200})
    loans = pd.Series([f"L{number}" for number in range(200)])
    return freeze_reference(inputs, loans, pd.Series(generator.random(200)), loans)


def save(store: ModelStore, card: dict[str, object] | None = None, seed: int = 1) -> str:
    pipeline = trained("logistic_regression").model
    return store.save(MODEL_ID, pipeline, card or dict(CARD), reference(seed))


def files(store: ModelStore) -> dict[str, tuple[bytes, int]]:
    folder = store.path(MODEL_ID)
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_a_stored_model_comes_back_with_its_card_and_its_reference(store: ModelStore) -> None:
    sha256 = save(store)
    frame = loan_frame(5)
    np.testing.assert_array_equal(
        score(store.load(MODEL_ID, sha256), frame),
        score(trained("logistic_regression").model, frame),
    )
    assert store.card(MODEL_ID) == CARD
    kept, frozen = store.reference(MODEL_ID), reference()
    assert [one.to_dict() for one in kept.input_bins.values()] == [
        one.to_dict() for one in frozen.input_bins.values()
    ]
    assert kept.score_bins.to_dict() == frozen.score_bins.to_dict()
    pd.testing.assert_frame_equal(kept.inputs, frozen.inputs)
    np.testing.assert_array_equal(kept.scores, frozen.scores)


def test_a_model_is_written_once_and_stays_as_it_is(store: ModelStore) -> None:
    first = save(store)
    before = files(store)
    assert save(store, card={"model_id": "another"}, seed=2) == first
    assert files(store) == before


@pytest.mark.parametrize("name", [MODEL_FILE, CARD_FILE, HASHES, SCORES_FILE])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"damaged")])
def test_a_model_that_is_not_whole_any_more_is_replaced(
    store: ModelStore, name: str, damage: Callable[[Path], object]
) -> None:
    first = save(store)
    assert store.holds(MODEL_ID, first)
    damage(store.path(MODEL_ID) / name)
    assert not store.holds(MODEL_ID, first)

    again = save(store)
    assert store.holds(MODEL_ID, again)
    assert store.load(MODEL_ID, again)
    assert store.card(MODEL_ID) == CARD
    assert [path.name for path in store.folder.iterdir()] == [MODEL_ID]


def test_a_model_is_not_held_if_it_is_lost_or_another_file_was_recorded(store: ModelStore) -> None:
    assert not store.holds(MODEL_ID, "0" * 64)
    sha256 = save(store)
    assert not store.holds(MODEL_ID, "0" * 64)
    shutil.rmtree(store.path(MODEL_ID))
    assert not store.holds(MODEL_ID, sha256)
    with pytest.raises(
        ModelError, match=r"card\.json of a model cannot be read .*run all months from"
    ):
        store.card(MODEL_ID)


def test_nothing_but_finished_models_is_in_the_store(store: ModelStore) -> None:
    save(store)
    assert [path.name for path in store.folder.iterdir()] == [MODEL_ID]


def test_a_save_that_fails_leaves_nothing(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Reference, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save(store)
    assert list(store.folder.iterdir()) == []
    monkeypatch.undo()
    assert store.load(MODEL_ID, save(store))


def test_a_model_that_was_changed_on_disk_is_refused(store: ModelStore) -> None:
    sha256 = save(store)
    path = store.path(MODEL_ID) / MODEL_FILE
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ModelError, match="is not the one that was recorded"):
        store.load(MODEL_ID, sha256)


def test_a_model_that_is_not_there_is_refused_with_its_place(store: ModelStore) -> None:
    with pytest.raises(ModelError, match=f"{MODEL_ID}/{MODEL_FILE} cannot be read"):
        store.load(MODEL_ID, "0" * 64)
