"""What is stored: is every partition there, and is every model file the one that was recorded."""

from collections.abc import Iterator

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.models.storage import MODEL_FILE, REMEDY
from credit_risk_dagster.operations.doctor.finding import Finding, failed, ok
from credit_risk_dagster.operations.trees import sha256_of
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster.tables.training import CANDIDATE_TABLES

SHOWN = 3
GONE = "Restore the folder of its table from a backup, or run the month again."


def stored_findings(settings: Settings) -> Iterator[Finding]:
    """Look at the files of every partition, and read every model file."""
    yield _partitions(Datamart(settings.home))
    yield _models(Datamart(settings.home), ModelStore(settings.home / "models"))


def _partitions(datamart: Datamart) -> Finding:
    names = [
        (table, month, manifest)
        for table in ALL_TABLES
        for month, manifest in datamart.manifests(table).items()
    ]
    missing = [
        manifest.partition
        for table, month, manifest in names
        if not datamart.file(table, month).is_file()
    ]
    if missing:
        return failed("partitions", f"The rows of {_listed(missing)} are gone.", GONE)
    return ok("partitions", f"All {len(names)} are there.")


def _models(datamart: Datamart, models: ModelStore) -> Finding:
    recorded = dict(_recorded(datamart))
    wrong = [fault for one in sorted(recorded.items()) if (fault := _fault(models, *one))]
    if wrong:
        return failed("models", f"{'; '.join(wrong)}.", REMEDY)
    return ok("models", f"All {len(recorded)} models are the ones that were recorded.")


def _fault(models: ModelStore, model_id: str, sha256: str) -> str | None:
    """Return what is wrong with the files of a model; None if they are what was recorded."""
    file = models.path(model_id) / MODEL_FILE
    if not file.is_file():
        return f"{file} is missing"
    if sha256_of(file) != sha256:
        return f"{file} is not the one that was recorded"
    return None if models.holds(model_id, sha256) else f"{file.parent} is not what was written"


def _recorded(datamart: Datamart) -> Iterator[tuple[str, str]]:
    """Give every model with the SHA-256 that its candidate, or production, recorded."""
    for table in (*CANDIDATE_TABLES.values(), PRODUCTION_MODEL):
        for row in datamart.read(table, datamart.months(table)).to_pylist():
            if row["model_id"] is not None:
                yield row["model_id"], row["model_sha256"]


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
