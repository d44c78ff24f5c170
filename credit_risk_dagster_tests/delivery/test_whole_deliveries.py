"""Whatever arrives, from the raw folder to silver: refused in words, or no row of it is lost."""

import csv
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit_risk_dagster.assets.bronze import plan_months, write_delivered
from credit_risk_dagster.assets.monthly import Written
from credit_risk_dagster.assets.silver import write_refined
from credit_risk_dagster.contract.reference import CONTRACT
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.duckdb_engine import DuckDBEngine
from credit_risk_dagster.datamart.maintenance import orphans
from credit_risk_dagster.delivery.delivered import Arrivals, take_arrivals
from credit_risk_dagster.delivery.entries import TakenFile
from credit_risk_dagster.delivery.ruling import Status
from credit_risk_dagster.demo.extracts import extract_path
from credit_risk_dagster.demo.generator import generate
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.bronze import BRONZE, REJECTED
from credit_risk_dagster.tables.judgement import DUPLICATES, QUARANTINED
from credit_risk_dagster.tables.silver import SILVER
from credit_risk_dagster_tests.delivery.corruptions import CORRUPTIONS, Corruption, Sent
from credit_risk_dagster_tests.delivery.written import NOW, ledger_of

PORTFOLIO = DemoPortfolio("2024-03", months=36, applicants_per_month=4)
MONTHS = PORTFOLIO.month_keys
DUCKDB = DuckDBEngine()

Whole = dict[str, list[Sent]]
"""By source, its file of each month before anything happens to it."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("extracts")
    generate(PORTFOLIO, folder, "monthly")
    return {
        source.name: [_sent(extract_path(folder, source, month, "monthly")) for month in MONTHS]
        for source in CONTRACT.sources
    }


def _sent(path: Path) -> Sent:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return Sent(path.name, header, rows)


def lines_in(sent: Sent) -> int | None:
    """How many lines are told of, counted without the reader; None where no line can be counted."""
    if sent.packed or sent.encoding not in ("utf-8", "utf-8-sig"):
        return None
    content = sent.content()
    return content.count(b"\n") + (not content.endswith(b"\n")) - 1


def deliver(
    folder: Path, files: Sequence[Sent], changes: Sequence[Sequence[Corruption]]
) -> dict[str, Sent]:
    """Send a file for each month, with what happens to it; return them by name."""
    sent = {}
    for one, happening in zip(files, changes, strict=True):
        for corruption in happening:
            one = corruption(one)
        (folder / one.name).write_bytes(one.content())
        sent[one.name] = one
    return sent


def run_whole_deliveries(
    whole: Whole, source: Source, changes: Sequence[Sequence[Corruption]], limit: float
) -> None:
    with TemporaryDirectory() as folder:
        home, raw = Path(folder, "home"), Path(folder, "raw")
        raw.mkdir()
        installation = Settings(
            home=home,
            raw=raw,
            metrics_url="sqlite://",  # in memory: gone after the call
            deliveries={"minimum_share": 0},
            monitoring={"quarantine_limit_share": limit},
        )
        sent = deliver(raw, whole[source.name], changes)
        arrivals = take_arrivals(installation, ledger_of(installation), NOW, [source], at_once=True)
        assert_all_files_are_told_of(arrivals, source, sent)
        refine_and_add_up(installation, arrivals, source)


def assert_all_files_are_told_of(arrivals: Arrivals, source: Source, sent: dict[str, Sent]) -> None:
    """Each file is refused with a word that names it, or all its lines are in the ledger."""
    found = {one.file.path: one for one in arrivals.decisions[source.name].files}
    assert set(found) <= set(sent)
    for path, decision in found.items():
        if decision.status is Status.REFUSED:
            assert path in decision.reason
            continue
        assert isinstance(decision.file, TakenFile)
        contents = decision.file.contents
        of_months = sum(one.rows.rows + one.rejected for one in contents.months.values())
        lines = lines_in(sent[path])
        assert lines in (None, of_months + contents.undated), path


def refine_and_add_up(installation: Settings, arrivals: Arrivals, source: Source) -> None:
    """Take the months that are decided to silver; each adds up, and nothing is half written."""
    datamart = Datamart(installation.home)
    bronze, silver = BRONZE[source.name], SILVER[source.name]
    decided = arrivals.decisions[source.name].months
    months = list(decided)
    plan = plan_months(source, months, arrivals, {}, installation, NOW.date())
    assert [
        month for month, _ in write_delivered(source, months, plan, datamart, installation)
    ] == months
    for month in months:
        kept = datamart.required_record(bronze, month)
        held = [file.contents.months[month] for file in decided[month].files]
        delivered = sum(one.rows.rows + one.rejected for one in held)
        assert kept.facts["delivered"] == kept.rows + kept.beside[REJECTED].rows == delivered
    limit = installation.monitoring.quarantine_limit_share
    refused = refusal_of(write_refined(source.name, months, datamart, installation, DUCKDB))
    if refused is not None:
        assert limit < 1
        assert any(silver.partition(month) in refused for month in months)
        assert "Ask for a corrected delivery" in refused
    refined = datamart.records(silver)
    if refused is None:
        assert list(refined) == months
    for month, record in refined.items():
        before = datamart.required_record(bronze, month)
        parts = record.rows + record.beside[QUARANTINED].rows + record.beside[DUPLICATES].rows
        assert before.facts["delivered"] == before.beside[REJECTED].rows + parts
    assert orphans(datamart, [bronze, silver]) == []
    for table in (bronze, silver):
        for record in datamart.records(table).values():
            assert datamart.damaged_files(table, record) == []


def refusal_of(written: Written) -> str | None:
    """Write months; return in which words one is refused, if one is."""
    try:
        list(written)
    except PartitionError as error:
        return str(error)
    return None


deliveries = given(
    source=st.sampled_from(CONTRACT.sources),
    changes=st.lists(st.lists(CORRUPTIONS, max_size=3), min_size=len(MONTHS), max_size=len(MONTHS)),
    limit=st.sampled_from([1.0, 1.0, 0.05]),
)
some = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@settings(some, max_examples=6)
@deliveries
def test_a_corrupted_delivery_is_refused_in_words_or_adds_up(
    whole: Whole, source: Source, changes: list[list[Corruption]], limit: float
) -> None:
    run_whole_deliveries(whole, source, changes, limit)


@pytest.mark.long
@settings(some, max_examples=100)
@deliveries
def test_thousands_of_corrupted_deliveries_are_refused_in_words_or_add_up(
    whole: Whole, source: Source, changes: list[list[Corruption]], limit: float
) -> None:
    run_whole_deliveries(whole, source, changes, limit)


def test_the_deliveries_that_are_corrupted_are_whole_before(whole: Whole) -> None:
    run_whole_deliveries(whole, CONTRACT.applicants[0], [[]] * len(MONTHS), limit=0)
