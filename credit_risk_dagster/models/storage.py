"""Models on disk: written without pickle, opened only when they are what was recorded."""

import hashlib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from credit_risk_dagster.datamart.disk import sha256_of
from credit_risk_dagster.errors import ModelError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

MODEL_FILE = "model.skops"
BOOSTER_FILE = "model.ubj"
STEPS = ("shrinkage", "preprocessing", "classifier")

TRUSTED_TYPES = (
    "credit_risk_dagster.models.shrinkage.ClickstreamShrinkage",  # of models of releases before
    "credit_risk_dagster.models.shrinkage.PanelShrinkage",
    "credit_risk_dagster.models.winsorizing.Winsorizer",
    "numpy.dtype",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)
"""All that a stored model may hold beside what skops trusts of scikit-learn and numpy. Fixed
here, never read from a file."""


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


def save_model(pipeline: "Pipeline", folder: Path) -> dict[str, str]:
    """Write a fitted pipeline to a folder; return the SHA-256 of each file by its name.

    `model.skops` is the whole pipeline; for XGBoost `model.ubj` holds the booster as well, in the
    format that any XGBoost reads.
    """
    import skops.io

    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(pipeline, folder / MODEL_FILE)
    written = [MODEL_FILE]
    classifier = pipeline["classifier"]
    if hasattr(classifier, "get_booster"):
        (folder / BOOSTER_FILE).write_bytes(classifier.get_booster().save_raw("ubj"))
        written.append(BOOSTER_FILE)
    return {name: sha256_of(folder / name) for name in written}


def load_model(path: Path, sha256: str) -> "Pipeline":
    """Return the pipeline of a `model.skops` whose SHA-256 was recorded when it was written.

    Raises:
        ModelError: if the file is missing, is not the one that was recorded, or holds anything
            but a model of this platform.
    """
    return opened_model(verified_content(path, sha256), path)


def opened_model(content: bytes, path: Path) -> "Pipeline":
    """Return the pipeline that the content of a `model.skops` is, which was verified.

    Raises:
        ModelError: if it is anything but a model of this platform.
    """
    from sklearn.pipeline import Pipeline

    pipeline = _decoded(content, path)
    if not isinstance(pipeline, Pipeline) or tuple(name for name, _ in pipeline.steps) != STEPS:
        raise ModelError(
            f"{path} holds a {type(pipeline).__name__} that is not a model of this platform, "
            f"which has the steps {', '.join(STEPS)}. {REMEDY}"
        )
    return pipeline


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
        decoded: object = skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    except UntrustedTypesFoundException as error:
        raise ModelError(
            f"the model {path} holds types that are not trusted: {error}. {REMEDY}"
        ) from error
    except (UnsupportedTypeException, *_MALFORMED) as error:
        raise ModelError(f"{path} is not a model in skops format ({error}). {REMEDY}") from error
    return decoded
