"""What the platform does with the lender's real extracts."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from scipy.special import rel_entr
from scipy.stats import ks_2samp
from sklearn.metrics import f1_score, precision_score, roc_auc_score

from credit_risk_dagster.assets.history import production_record
from credit_risk_dagster.automation.runs import RunOutcome, run_months
from credit_risk_dagster.checks.history import failed_checks_by_month
from credit_risk_dagster.command_line.proof import prove_score
from credit_risk_dagster.command_line.status import month_records
from credit_risk_dagster.contract.features import LABEL
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.definitions import build_definitions
from credit_risk_dagster.models.dark_sources import without
from credit_risk_dagster.models.evaluation import evaluate
from credit_risk_dagster.models.reference import model_inputs
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.monitoring.reference import Reference
from credit_risk_dagster.monitoring.stability import ReferenceBins
from credit_risk_dagster.resources.metrics_store import FACTS, MetricsStore
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.resources.tables import open_index
from credit_risk_dagster.resources.tracking import MONITORING_EXPERIMENT, model_tracking
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.gold import COHORT, FEATURES_TABLE
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.monitoring import DRIFT, FACT_TABLES, PERFORMANCE, PORTFOLIO
from credit_risk_dagster.tables.training import CANDIDATE_TABLES
from credit_risk_dagster_tests.installation import LENDER_MONTHS, lender_sample
from credit_risk_dagster_tests.personal_values import found_in, values_to_find

pytestmark = pytest.mark.slow

SCORED = ("2024-09-01", "2024-10-01", "2024-11-01", "2024-12-01")

Ran = tuple[Settings, RunOutcome, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    first, last = LENDER_MONTHS
    settings = Settings(
        home=tmp_path_factory.mktemp("lender"),
        raw=lender_sample(),
        first_month=first,
        last_month=last,
        monitoring={"report_features": 2},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        outcome = run_months(settings, instance, build_definitions(settings), first, last)
        checks = failed_checks_by_month(instance)
        write_events(instance, settings.home / "events.json")
    datamart = Datamart(settings.home)
    months = datamart.months(PREDICTIONS)
    records = month_records(datamart, open_index(settings), months, checks)
    return settings, outcome, {record["month"][:7]: record for record in records}


def test_the_months_run_and_the_failed_checks_fail_no_run(lender: Ran) -> None:
    assert lender[1].succeeded
    assert lender[1].checks


def test_the_first_training_is_in_september_and_the_second_in_december(lender: Ran) -> None:
    decisions = {month: record["decision"] for month, record in lender[2].items()}

    assert {month: what for month, what in decisions.items() if what.endswith("training")} == {
        "2024-09": "initial_training",
        "2024-12": "retraining",
    }
    assert decisions["2024-08"] == "too_little_history"
    assert decisions["2024-10"] == decisions["2024-11"] == "not_due"
    assert all(record["reason"] for record in lender[2].values())


def test_every_first_candidate_reaches_an_auc_of_092_out_of_time(lender: Ran) -> None:
    candidates = lender[2]["2024-09"]["candidates"]

    assert {name: one["oot_auc"] for name, one in candidates.items() if one["oot_auc"] < 0.92} == {}


@pytest.mark.parametrize("candidate", ["scorecard", "xgboost"])
def test_a_candidate_that_can_go_to_production_is_right_with_and_without_the_clickstream(
    lender: Ran, candidate: str
) -> None:
    """On cohorts after its training: calibrated, and no worse than what a dark source leaves."""
    datamart = Datamart(lender[0].home)
    (record,) = datamart.read(CANDIDATE_TABLES[candidate], ["2024-09-01"]).to_pylist()
    gates = {gate["name"]: gate["holds"] for gate in json.loads(record["gates"])}
    model = ModelStore(lender[0].home / "models").load(record["model_id"], record["model_sha256"])
    later = datamart.read(COHORT, list(SCORED)).to_pandas()
    seen, dark = (
        {name: one.value for name, one in evaluate(later[LABEL], score(model, rows)).items()}
        for rows in (later, without(later, "clickstream"))
    )

    assert gates == {"calibration": True, "dark_sources": True, "reasons": True, "overfit": True}
    assert seen["auc"] >= 0.937
    assert 0.80 <= seen["calibration_slope"] <= 1.15
    assert 0.92 <= seen["observed_expected_ratio"] <= 1.08
    assert record["oot_auc_masked"] >= 0.72
    assert dark["auc"] >= 0.72
    assert 0.92 <= dark["observed_expected_ratio"] <= 1.15


def test_current_performance_exists_from_the_first_production_month(lender: Ran) -> None:
    for month in ("2024-09", "2024-10", "2024-11", "2024-12"):
        current = lender[2][month]["performance"]["current"]
        assert current["status"] == "measured"
        assert current["auc_lower"] < current["auc"] < current["auc_upper"]
    assert lender[2]["2024-08"]["performance"]["current"]["status"] == "pending"


def test_issued_performance_is_pending_throughout(lender: Ran) -> None:
    issued = [record["performance"]["issued"] for record in lender[2].values()]

    assert {basis["status"] for basis in issued} == {"pending"}
    assert {basis["auc"] for basis in issued} == {None}


def test_applicants_without_clickstream_are_scored_and_the_dark_source_fails_its_check(
    lender: Ran,
) -> None:
    for month in ("2024-09", "2024-10", "2024-11", "2024-12"):
        assert lender[2][month]["rows_scored"] > 200
        assert "no_dark_source" in failed_names(lender[2][month])
    assert "no_dark_source" not in failed_names(lender[2]["2024-06"])
    dark = next(check for check in lender[1].checks if check.name == "no_dark_source")
    assert dark.severity == "ERROR"
    assert "clickstream went dark for new applicants" in dark.description


def test_every_delivered_row_is_accounted_for(lender: Ran) -> None:
    for record in lender[2].values():
        for counts in record["rows"].values():
            parts = counts["accepted"] + counts["quarantined"] + counts["duplicate"]
            assert parts == counts["delivered"] > 0


def test_every_psi_and_csi_agrees_with_another_computation(lender: Ran) -> None:
    """With scipy's relative entropy over shares that pandas counts: PSI is their sum both ways."""
    datamart = Datamart(lender[0].home)
    compared = 0
    for month in SCORED:
        reference, inputs, scores = seen(lender[0], month)
        facts = figures(datamart, DRIFT, month)
        for metric, name, bins, values in [
            ("psi", "probability", reference.score_bins, scores),
            *(("csi", name, bins, inputs[name]) for name, bins in reference.input_bins.items()),
        ]:
            then = np.array(bins.counts) + 0.5
            now = independent_counts(bins, values) + 0.5
            then, now = then / then.sum(), now / now.sum()
            used = (np.array(bins.counts) + independent_counts(bins, values)) > 0
            then, now = then[used] / then[used].sum(), now[used] / now[used].sum()
            expected = rel_entr(now, then).sum() + rel_entr(then, now).sum()
            assert facts[metric, name] == pytest.approx(expected, abs=1e-9), (month, name)
            compared += 1
    assert compared > 4 * 30


def test_every_ks_drift_agrees_with_another_computation(lender: Ran) -> None:
    datamart = Datamart(lender[0].home)
    for month in SCORED:
        reference, inputs, scores = seen(lender[0], month)
        facts = figures(datamart, DRIFT, month)
        pairs = {"probability": (reference.scores, scores)} | {
            name: (reference.inputs[name], inputs[name])
            for name, bins in reference.input_bins.items()
            if bins.kind == "numeric" and inputs[name].notna().any()
        }
        for name, (before, now) in pairs.items():
            assert facts["ks_drift", name] == pytest.approx(largest_gap(before, now), abs=1e-9)


def test_every_auc_and_ks_agrees_with_scikit_learn_and_scipy(lender: Ran) -> None:
    datamart = Datamart(lender[0].home)
    for month in SCORED:
        record = production_record(datamart, month)
        cohort = datamart.read(COHORT, [month]).to_pandas()
        model = store(lender[0]).load(record["model_id"], record["model_sha256"])
        labels, scores = cohort["default"].to_numpy(), score(model, cohort)
        facts = figures(datamart, PERFORMANCE, month)

        assert facts["auc", "overall"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
        assert facts["gini", "overall"] == pytest.approx(2 * facts["auc", "overall"] - 1, abs=1e-9)
        distance = ks_2samp(scores[labels == 1], scores[labels == 0]).statistic
        assert facts["ks_discrimination", "overall"] == pytest.approx(distance, abs=1e-9)
        judged = scores >= 0.5
        for name, metric in {"f1": f1_score, "precision": precision_score}.items():
            assert facts[name, "overall"] == pytest.approx(metric(labels, judged), abs=1e-9)


def test_all_figures_are_in_the_metrics_store_and_in_one_mlflow_run_a_month(lender: Ran) -> None:
    settings, datamart = lender[0], Datamart(lender[0].home)
    rows = MetricsStore(settings.metrics_store_url).rows(sa.select(FACTS))
    published = Counter(f"monitoring/{row['source']}/{row['snapshot_date']}" for row in rows)
    written = {
        record.partition: record.rows
        for table in FACT_TABLES.values()
        for record in (datamart.record(table, month) for month in datamart.months(table))
        if record and record.rows
    }
    assert published == written

    tracking = model_tracking(settings)
    runs = tracking.client().search_runs([tracking.experiment_id(MONITORING_EXPERIMENT)])
    assert sorted(run.data.tags["month"] for run in runs) == datamart.months(PREDICTIONS)
    newest = next(run for run in runs if run.data.tags["month"] == SCORED[-1])
    facts = figures(datamart, PERFORMANCE, SCORED[-1])
    assert newest.data.metrics["current/auc/overall"] == facts["auc", "overall"]


def test_vintages_rise_with_age_and_end_above_the_default_rate(lender: Ran) -> None:
    datamart = Datamart(lender[0].home)
    rows = datamart.read(PORTFOLIO, datamart.months(PORTFOLIO)).to_pandas()
    vintages = rows[rows["basis"] == "vintage"]
    for _, curve in vintages.groupby("subject"):
        late = (curve["value"] * curve["sample_size"]).round().to_list()
        assert late == sorted(late)
    assert vintages["subject"].nunique() == 24


def test_a_real_applicant_can_be_explained_from_raw_rows_to_a_pending_outcome(lender: Ran) -> None:
    settings = lender[0]
    datamart = Datamart(settings.home)
    loan_id = datamart.read(PREDICTIONS, ["2024-10-01"]).column("loan_id")[0].as_py()

    proof = prove_score(settings, datamart, ModelStore(settings.home / "models"), loan_id)

    assert all(claim.holds for claim in proof.claims)
    assert proof.outcome == {"status": "pending", "matures_in": "2025-04-01"}
    assert proof.raw["attributes"][0]["Name"] == proof.raw["attributes"][0]["SSN"] == "masked"


def test_no_name_and_no_number_of_anybody_leaves_bronze(lender: Ran) -> None:
    """A short name is left out: it stands in many a text that speaks of nobody."""
    everybody = values_to_find(personal_values(lender[0]))
    assert sum(map(len, everybody.values())) > 10_000

    assert found_in(lender[0].home, everybody) == {}
    assert found_in(lender[0].home / "tables" / "bronze" / "attributes", everybody)


def write_events(instance: dg.DagsterInstance, path: Path) -> None:
    """Write what Dagster keeps of the runs beside what they produced."""
    with path.open("w", encoding="utf-8") as file:
        for run in instance.get_runs():
            file.writelines(f"{entry.to_json()}\n" for entry in instance.all_logs(run.run_id))


def failed_names(record: dict[str, Any]) -> list[str]:
    return [check["name"] for check in record["failed_checks"]]


def personal_values(settings: Settings) -> set[str]:
    """Everything that was delivered in columns that tell who somebody is."""
    datamart = Datamart(settings.home)
    return {
        value
        for source in CONTRACT.sources
        if source.personal_headers
        for header in source.personal_headers
        for value in datamart.read(
            BRONZE[source.name], datamart.months(BRONZE[source.name]), [header]
        )
        .column(header)
        .to_pylist()
        if value is not None
    }


def store(settings: Settings) -> ModelStore:
    return ModelStore(settings.home / "models")


def seen(settings: Settings, month: str) -> tuple[Reference, pd.DataFrame, pd.Series]:
    """The reference of the month's model, the applicants as that model sees them, their scores."""
    datamart = Datamart(settings.home)
    record = production_record(datamart, month)
    features = datamart.read(FEATURES_TABLE, [month]).to_pandas()
    model = store(settings).load(record["model_id"], record["model_sha256"])
    scores = datamart.read(PREDICTIONS, [month]).column("probability").to_pandas()
    return store(settings).reference(record["model_id"]), model_inputs(model, features), scores


def figures(datamart: Datamart, table: Table, month: str) -> dict[tuple[str, str], float]:
    rows = datamart.read(table, [month]).to_pylist()
    return {
        (row["metric"], row["subject"]): row["value"] for row in rows if row["basis"] != "issued"
    }


def independent_counts(bins: ReferenceBins, values: pd.Series) -> np.ndarray:
    """Counts by pandas' own cutting and counting, the missing last."""
    if bins.kind == "categorical":
        named = [int((values == name).sum()) for name in bins.categories]
        unseen = int((values.notna() & ~values.isin(bins.categories)).sum())
        return np.array([*named, unseen, int(values.isna().sum())])
    cut = pd.cut(values.astype(float), [-np.inf, *bins.edges, np.inf], right=True)
    return np.array([*cut.value_counts(sort=False), int(values.isna().sum())])


def largest_gap(before: pd.Series, now: pd.Series) -> float:
    """The largest distance of two empirical distribution functions, at every observed value."""
    one, other = before.dropna().to_numpy(float), now.dropna().to_numpy(float)
    gaps = [abs((one <= x).mean() - (other <= x).mean()) for x in np.union1d(one, other)]
    return float(max(gaps))
