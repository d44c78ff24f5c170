"""Models on disk: written without pickle, opened only when they are what was recorded."""

import hashlib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from credit_risk_dagster.contract.candidates import CANDIDATES, OWN_CANDIDATES
from credit_risk_dagster.datamart.disk import sha256_of
from credit_risk_dagster.errors import ModelError
from credit_risk_dagster.models.candidates.interface import candidate_named
from credit_risk_dagster.models.earlier_models import STEPS
from credit_risk_dagster.models.scoring import Model

if TYPE_CHECKING:
    from credit_risk_dagster.models.credit_model import CreditModel

MODEL_FILE = "model.skops"
BOOSTER_FILE = "model.ubj"
OWN_TYPES = (
    "credit_risk_dagster.models.credit_model.CreditModel",
    "credit_risk_dagster.models.ordinal_inputs.OrdinalInputs",
    "credit_risk_dagster.models.panel_evidence.PanelEvidence",
    "credit_risk_dagster.models.shrinkage.ClickstreamShrinkage",  # of models of releases before
    "credit_risk_dagster.models.shrinkage.PanelShrinkage",
    "credit_risk_dagster.models.winsorizing.Winsorizer",
    "numpy.dtype",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)
"""What a stored model may hold beside the types of candidates and what skops trusts of scikit-learn
and numpy. Fixed here, never read from a file."""


def trusted_types() -> tuple[str, ...]:
    """Return all that a stored model may hold: what candidates name is code that is installed."""
    addresses = dict.fromkeys((*OWN_CANDIDATES, *CANDIDATES.values()))
    named = (candidate_named(address).STORED_TYPES for address in addresses)
    return (*OWN_TYPES, *(one for types in named for one in types))


_MALFORMED = (
    zipfile.BadZipFile,
    AttributeError,
    ImportError,
    KeyError,
    TypeError,
    ValueError,
)
REMEDY = (
    "Do not use it: restore the model's folder from a backup, or run all months from the one in "
    "its name on again, which trains it anew and records the new file."
)


def save_model(model: "CreditModel", folder: Path) -> dict[str, str]:
    """Write a fitted model to a folder; return the SHA-256 of each file by its name.

    `model.skops` is the whole model; for XGBoost `model.ubj` holds the booster as well, in the
    format that any XGBoost reads.
    """
    import skops.io

    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(model, folder / MODEL_FILE)
    written = [MODEL_FILE]
    booster = getattr(model.estimator, "booster_", None)
    if booster is not None:
        (folder / BOOSTER_FILE).write_bytes(booster.save_raw("ubj"))
        written.append(BOOSTER_FILE)
    return {name: sha256_of(folder / name) for name in written}


def load_model(path: Path, sha256: str) -> Model:
    """Return the model of a `model.skops` whose SHA-256 was recorded when it was written.

    Raises:
        ModelError: if the file is missing, is not the one that was recorded, or holds anything
            but a model of this platform.
    """
    return opened_model(verified_content(path, sha256), path)


def opened_model(content: bytes, path: Path) -> Model:
    """Return the model that the content of a `model.skops` is, which was verified.

    Raises:
        ModelError: if it is anything but a model of this platform.
    """
    from sklearn.pipeline import Pipeline

    from credit_risk_dagster.models.credit_model import CreditModel

    model = _decoded(content, path)
    earlier = isinstance(model, Pipeline) and tuple(name for name, _ in model.steps) == STEPS
    if not (earlier or isinstance(model, CreditModel)):
        raise ModelError(
            f"{path} holds a {type(model).__name__} that is not a model of this platform. {REMEDY}"
        )
    return model


def verified_content(path: Path, sha256: str) -> bytes:
    """Return the bytes of a `model.skops`.

    Raises:
        ModelError: if it cannot be read, or is not the one that was recorded.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"the model {path} cannot be read ({error.strerror}). {REMEDY}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelError(
            f"the model {path} is not the one that was recorded: its SHA-256 is {found}, "
            f"recorded is {sha256}. {REMEDY}"
        )
    return content


def _decoded(content: bytes, path: Path) -> object:
    import skops.io
    from skops.io.exceptions import UnsupportedTypeException, UntrustedTypesFoundException

    try:
        decoded: object = skops.io.loads(content, trusted=list(trusted_types()))
    except UntrustedTypesFoundException as error:
        raise ModelError(
            f"the model {path} holds types that are not trusted: {error}. {REMEDY}"
        ) from error
    except (UnsupportedTypeException, *_MALFORMED) as error:
        raise ModelError(f"{path} is not a model in skops format ({error}). {REMEDY}") from error
    return decoded
