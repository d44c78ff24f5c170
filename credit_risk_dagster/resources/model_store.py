"""Where trained models live: one folder a model, written once, named by its `model_id`."""

import json
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from credit_risk_dagster.datamart.disk import sha256_of
from credit_risk_dagster.datamart.object_store import ObjectStore
from credit_risk_dagster.errors import ModelError
from credit_risk_dagster.models.scoring import Model
from credit_risk_dagster.models.storage import (
    MODEL_FILE,
    REMEDY,
    load_model,
    save_model,
)
from credit_risk_dagster.monitoring.reference import Reference
from credit_risk_dagster.resources.tables import open_store
from credit_risk_dagster.settings import Settings

CARD = "card.json"
MODELS = "models"
HASHES = "sha256.json"


@dataclass(frozen=True)
class ModelStore:
    """The models of one installation.

    Attributes:
        folder: the folder that they are in, or pass through.
        store: the object store that they are in; by default they are in the folder.
    """

    folder: Path
    store: ObjectStore | None = None

    def path(self, model_id: str) -> Path:
        """Return the folder of a model; from an object store, what is not here is downloaded."""
        folder = self.folder / model_id
        if self.store is not None and not self._is_whole(model_id):
            for name in self.store.names(model_id):
                self.store.download(name, self.folder / name)
        return folder

    def kept(self) -> list[str]:
        """Return the models that are kept, by their ids."""
        if self.store is not None:
            return sorted({name.partition("/")[0] for name in self.store.names()})
        return sorted(path.name for path in self.folder.glob("[!.]*"))

    def save(self, model_id: str, model: Model, card: dict[str, Any], reference: Reference) -> str:
        """Keep a model with its card and its reference; return the SHA-256 of its file.

        A model that is already kept whole stays as it is: its identity says that it is the same.
        """
        target = self.path(model_id)
        if not self._is_whole(model_id):
            target.parent.mkdir(parents=True, exist_ok=True)
            beside = self.folder / f".{uuid.uuid4().hex}"
            try:
                save_model(model, beside)
                (beside / CARD).write_text(json.dumps(card, indent=2), encoding="utf-8")
                reference.save(beside)
                hashes = {path.name: sha256_of(path) for path in sorted(beside.iterdir())}
                (beside / HASHES).write_text(json.dumps(hashes, indent=2), encoding="utf-8")
                if target.exists():
                    shutil.rmtree(target)
                beside.rename(target)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
        self._upload(model_id)
        return str(self._record(model_id, HASHES)[MODEL_FILE])

    def _upload(self, model_id: str) -> None:
        """Have the object store hold a model, its hashes last: without them there is none."""
        if self.store is not None and not self._is_stored(model_id):
            hashes = self._record(model_id, HASHES)
            for name in (*hashes, HASHES):
                self.store.upload(self.folder / model_id / name, f"{model_id}/{name}")

    def _is_stored(self, model_id: str) -> bool:
        if self.store is None:
            return True
        names = {name.partition("/")[2] for name in self.store.names(model_id)}
        hashes = self._record(model_id, HASHES)
        return names == {*hashes, HASHES} and all(
            self.store.sha256(f"{model_id}/{name}") == sha256 for name, sha256 in hashes.items()
        )

    def holds(self, model_id: str, sha256: str) -> bool:
        """Return whether a model is kept whole, with the file that was recorded."""
        self.path(model_id)
        return (
            self._is_whole(model_id)
            and self._is_stored(model_id)
            and self._record(model_id, HASHES)[MODEL_FILE] == sha256
        )

    def _is_whole(self, model_id: str) -> bool:
        folder = self.folder / model_id
        try:
            hashes = self._record(model_id, HASHES)
        except ModelError:
            return False
        return all(
            (folder / name).is_file() and sha256_of(folder / name) == sha256
            for name, sha256 in hashes.items()
        )

    def _record(self, model_id: str, name: str) -> dict[str, Any]:
        path = self.folder / model_id / name
        try:
            record: dict[str, Any] = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} of a model cannot be read ({error}). {REMEDY}") from error
        return record

    def load(self, model_id: str, sha256: str) -> Model:
        """Return a model, if its file is the one that was recorded.

        Raises:
            ModelError: if it is not, or holds anything but a model of this platform.
        """
        return load_model(self.path(model_id) / MODEL_FILE, sha256)

    def card(self, model_id: str) -> dict[str, Any]:
        """Return what was recorded of a model when it was trained.

        Raises:
            ModelError: if it cannot be read.
        """
        self.path(model_id)
        return self._record(model_id, CARD)

    def reference(self, model_id: str) -> Reference:
        """Return what monitoring compares a model's months with."""
        return Reference.load(self.path(model_id))


def open_models(settings: Settings) -> ModelStore:
    """Return the models of an installation."""
    store = open_store(settings)
    if store is None:
        return ModelStore(settings.home / MODELS)
    return ModelStore(settings.scratch_folder / MODELS, store.below(MODELS))
