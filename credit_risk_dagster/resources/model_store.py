"""Where trained models live: one folder a model, written once, named by its `model_id`."""

import json
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credit_risk_dagster.errors import ModelError
from credit_risk_dagster.models.storage import (
    MODEL_FILE,
    REMEDY,
    file_sha256,
    load_model,
    save_model,
)
from credit_risk_dagster.monitoring.reference import Reference

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

CARD = "card.json"
HASHES = "sha256.json"


@dataclass(frozen=True)
class ModelStore:
    """The folder of models of one installation."""

    folder: Path

    def path(self, model_id: str) -> Path:
        """Return the folder of a model."""
        return self.folder / model_id

    def save(
        self, model_id: str, pipeline: "Pipeline", card: dict[str, Any], reference: Reference
    ) -> str:
        """Keep a model with its card and its reference; return the SHA-256 of its file.

        A model that is already kept whole stays as it is: its identity says that it is the same.
        """
        target = self.path(model_id)
        if not self._is_whole(model_id):
            beside = self.folder / f".{uuid.uuid4().hex}"
            try:
                save_model(pipeline, beside)
                (beside / CARD).write_text(json.dumps(card, indent=2), encoding="utf-8")
                reference.save(beside)
                hashes = {path.name: file_sha256(path) for path in sorted(beside.iterdir())}
                (beside / HASHES).write_text(json.dumps(hashes, indent=2), encoding="utf-8")
                if target.exists():
                    shutil.rmtree(target)
                beside.rename(target)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
        return str(self._record(model_id, HASHES)[MODEL_FILE])

    def holds(self, model_id: str, sha256: str) -> bool:
        """Return whether a model is kept whole, with the file that was recorded."""
        return self._is_whole(model_id) and self._record(model_id, HASHES)[MODEL_FILE] == sha256

    def _is_whole(self, model_id: str) -> bool:
        folder = self.path(model_id)
        try:
            hashes = self._record(model_id, HASHES)
        except ModelError:
            return False
        return all(
            (folder / name).is_file() and file_sha256(folder / name) == sha256
            for name, sha256 in hashes.items()
        )

    def _record(self, model_id: str, name: str) -> dict[str, Any]:
        path = self.path(model_id) / name
        try:
            record: dict[str, Any] = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} of a model cannot be read ({error}). {REMEDY}") from error
        return record

    def load(self, model_id: str, sha256: str) -> "Pipeline":
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
        return self._record(model_id, CARD)

    def reference(self, model_id: str) -> Reference:
        """Return what monitoring compares a model's months with."""
        return Reference.load(self.path(model_id))
