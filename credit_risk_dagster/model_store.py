"""Where trained models live: one folder a model, written once, named by its `model_id`."""

import json
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from credit_risk_dagster.models.storage import MODEL_FILE, load_model, save_model
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

        A model that is already kept stays as it is: its identity says that it is the same.
        """
        target = self.path(model_id)
        if not target.exists():
            beside = self.folder / f".{uuid.uuid4().hex}"
            try:
                hashes = save_model(pipeline, beside)
                (beside / HASHES).write_text(json.dumps(hashes, indent=2), encoding="utf-8")
                (beside / CARD).write_text(json.dumps(card, indent=2), encoding="utf-8")
                reference.save(beside)
                beside.rename(target)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
        recorded: dict[str, str] = json.loads((target / HASHES).read_text(encoding="utf-8"))
        return recorded[MODEL_FILE]

    def load(self, model_id: str, sha256: str) -> "Pipeline":
        """Return a model, if its file is the one that was recorded.

        Raises:
            ModelError: if it is not, or holds anything but a model of this platform.
        """
        return load_model(self.path(model_id) / MODEL_FILE, sha256)

    def card(self, model_id: str) -> dict[str, Any]:
        """Return what was recorded of a model when it was trained."""
        card: dict[str, Any] = json.loads((self.path(model_id) / CARD).read_text(encoding="utf-8"))
        return card

    def reference(self, model_id: str) -> Reference:
        """Return what monitoring compares a model's months with."""
        return Reference.load(self.path(model_id))


def cohort_frame(rows: pd.DataFrame) -> pd.DataFrame:
    """Name a cohort's month key `cohort`, as training expects it."""
    return rows.assign(cohort=rows["snapshot_date"].astype(str))
