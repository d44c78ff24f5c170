"""What is stored: is every partition there, and is every model file the one that was recorded."""

from collections.abc import Iterator
from contextlib import suppress

from credit_risk_dagster.datamart.datamart import Datamart, remedy
from credit_risk_dagster.datamart.disk import sha256_of
from credit_risk_dagster.datamart.index import RecordIndex
from credit_risk_dagster.datamart.log_repair import LogFault, log_faults, repair_log
from credit_risk_dagster.errors import PartitionError, PlatformError
from credit_risk_dagster.models.storage import MODEL_FILE, REMEDY
from credit_risk_dagster.operations.doctor.finding import Finding, failed, ok
from credit_risk_dagster.resources.model_store import ModelStore, open_models
from credit_risk_dagster.resources.tables import open_datamart, open_index
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES, STORED
from credit_risk_dagster.tables.production import PRODUCTION_MODEL
from credit_risk_dagster.tables.training import CANDIDATE_TABLES


def log_findings(settings: Settings) -> list[Finding]:
    """Read the log of every table; what a damaged one says of its table is not to be trusted."""
    try:
        faults = list(all_log_faults(open_datamart(settings), open_index(settings)))
    except PartitionError as error:  # a home of the release before
        return [failed("logs", str(error), "Run `credit-risk upgrade`.")]
    if not faults:
        return [ok("logs", f"All {len(STORED)} logs are whole.")]
    return [
        failed("logs", f"{fault.table.path}: {fault.found}.", _log_remedy(fault))
        for fault in faults
    ]


def stored_findings(settings: Settings) -> Iterator[Finding]:
    """Read every stored file and every model file; the logs are whole."""
    datamart = open_datamart(settings)
    yield from _tables(datamart)
    yield _models(datamart, open_models(settings))


def all_log_faults(datamart: Datamart, index: RecordIndex) -> Iterator[LogFault]:
    """Look for faults in the logs of all tables; without an index, if its database is away.

    Raises:
        PartitionError: if the home is one of an earlier release.
    """
    copies: RecordIndex | None = None
    with suppress(PlatformError):
        if index.is_made:
            index.copied(next(iter(STORED)))
            copies = index
    for table in STORED.values():
        datamart.log(table)
        yield from log_faults(datamart, table, copies)


def repair_logs(settings: Settings) -> Iterator[str]:
    """Repair damaged logs, and say of each what was done; only while no run is at work.

    Raises:
        PartitionError: if a log needs a backup; those before it are repaired.
        PlatformError: if the database with the copies does not answer.
    """
    datamart, index = open_datamart(settings), open_index(settings)
    if index.is_made:
        index.copied(next(iter(STORED)))  # nothing is set aside of which there may be a copy
    faults = list(all_log_faults(datamart, index))
    if not faults:
        yield "All logs are whole."
    for fault in faults:
        yield repair_log(datamart, fault)


def _log_remedy(fault: LogFault) -> str:
    if fault.can_be_repaired:
        return "Run `credit-risk doctor --repair` while no run is at work."
    return f"Restore tables/{fault.table.path} from a backup."


def _tables(datamart: Datamart) -> Iterator[Finding]:
    """Read every stored file: what is there is compared byte for byte with what was recorded."""
    records = [(table, one) for table in ALL_TABLES for one in datamart.records(table).values()]
    damaged = [(table, one) for table, one in records if datamart.damaged_files(table, one)]
    if not damaged:
        yield ok("tables", f"All {len(records)} months of tables are what was written.")
    for table, record in damaged:
        yield failed("tables", f"{record.partition} is damaged.", remedy(table, record.month))


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
