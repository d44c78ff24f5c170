"""DuckDB and Spark make the same silver and gold of the same bronze, row by row."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from credit_risk_dagster.assets.panel import write_states
from credit_risk_dagster.assets.refinement import Refined, refine
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.reference import CLICKSTREAM
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.duckdb_engine import DuckDBEngine
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.delivery.files import find_files
from credit_risk_dagster.delivery.month import read_months
from credit_risk_dagster.months import month_range
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables import gold
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.gold import COHORT, FEATURES_TABLE, LABELS
from credit_risk_dagster.tables.judgement import DUPLICATES, QUARANTINED
from credit_risk_dagster.tables.labels import labels
from credit_risk_dagster.tables.panel import DORMANT
from credit_risk_dagster.tables.silver import REFINE, SILVER
from credit_risk_dagster_tests.installation import lender_sample
from credit_risk_dagster_tests.reference_tables import CLICKSTREAM_SO_FAR
from credit_risk_dagster_tests.tables.refined import VALID, Row, bronze, delivered

pytestmark = pytest.mark.slow

TOLERANCE = 1e-9
KEPT_FOR = 3
"""Months without a reading after which a customer is dormant."""

BronzeFiles = Mapping[str, Sequence[Path]]


@dataclass(frozen=True)
class Refinery:
    """An engine and the datamart that it fills."""

    engine: Engine
    datamart: Datamart
    months: Sequence[str]

    def refine(self, bronze_files: BronzeFiles) -> None:
        """Write silver and gold, gold from this engine's own silver."""
        for name in SILVER:
            self.refine_silver(name, bronze_files[name])
        settings = Settings(
            home=self.datamart.home, first_month=self.months[0], panel_state_months=KEPT_FOR
        )
        states = write_states(CLICKSTREAM, list(self.months), self.datamart, settings, self.engine)
        assert [month for month, _ in states] == list(self.months)
        silver = {name: self._read(table) for name, table in SILVER.items()}
        self._write(FEATURES_TABLE, lambda: self._features(silver))
        self._write(LABELS, lambda: labels(silver["loans"], CONTRACT.outcome))
        self._write(COHORT, lambda: gold.cohort(self._read(LABELS), self._read(FEATURES_TABLE)))

    def _features(self, silver: Mapping[str, ir.Table]) -> ir.Table:
        files = [
            file
            for month in self.months
            for file in self.datamart.files_beside(CLICKSTREAM_SO_FAR, month, DORMANT)
        ]
        dormant = self.engine.read(files, CLICKSTREAM_SO_FAR.schema)
        return gold.features(
            loans=silver["loans"],
            applicants={one.name: silver[one.name] for one in CONTRACT.applicants},
            panels={"clickstream": (self._read(CLICKSTREAM_SO_FAR), dormant)},
        )

    def refine_silver(self, name: str, files: Sequence[Path]) -> None:
        delivered = self.engine.read(files, BRONZE[name].schema)
        self._write(SILVER[name], lambda: REFINE[name](delivered))

    def rows(self, table: Table) -> pa.Table:
        return self.datamart.read(table, self.months)

    def beside(self, table: Table, name: str) -> pa.Table:
        schema = dict(table.beside)[name]
        parts = (self.datamart.read_beside(table, month, name) for month in self.months)
        return pa.concat_tables(part.select(schema.names).cast(schema) for part in parts)

    def _write(self, table: Table, rows: Callable[[], ir.Table]) -> None:
        refined = Refined(inputs={})
        months = refine(
            self.datamart,
            self.engine,
            table,
            lambda _: rows(),
            self.months,
            lambda _: refined,
            lambda _: {},
        )
        assert [month for month, _ in months] == list(self.months)

    def _read(self, table: Table) -> ir.Table:
        return self.engine.read(self.datamart.files(table, self.months), table.schema)


def require_same(one: pa.Table, other: pa.Table, place: str) -> None:
    """Same rows in the same order: nulls, texts and dates exactly, floats within 1e-9."""
    assert one.num_rows == other.num_rows, place
    for field in one.schema:
        here, there = (table[field.name].combine_chunks() for table in (one, other))
        if pa.types.is_floating(field.type):
            assert here.is_valid().equals(there.is_valid()), f"{place}: {field.name}"
            np.testing.assert_allclose(
                here.drop_null(), there.drop_null(), TOLERANCE, 0, err_msg=f"{place} {field.name}"
            )
        else:
            assert here.equals(there), f"{place}: {field.name}"


def beside_rows(record: MonthRecord) -> Mapping[str, tuple[int, str]]:
    """Return rows and content hash of the tables beside a month, by name."""
    return {name: (one.rows, one.content_hash) for name, one in record.beside.items()}


def require_agreement(
    bronze_files: BronzeFiles, spark: Engine, folder: Path, months: Sequence[str]
) -> Refinery:
    """Refine on both engines and compare all that they write; return what DuckDB made."""
    here = Refinery(DuckDBEngine(), Datamart(folder / "duckdb"), months)
    there = Refinery(spark, Datamart(folder / "pyspark"), months)
    for refinery in (here, there):
        refinery.refine(bronze_files)
    for table in (*SILVER.values(), CLICKSTREAM_SO_FAR, FEATURES_TABLE, LABELS, COHORT):
        require_same(here.rows(table), there.rows(table), table.path)
        for name, _ in table.beside:
            require_same(here.beside(table, name), there.beside(table, name), name)
        for month in months:
            one, other = (made.datamart.required_record(table, month) for made in (here, there))
            assert (one.rows, beside_rows(one)) == (other.rows, beside_rows(other)), one.partition
    return here


@pytest.mark.skipif(
    "CREDIT_RISK_SAMPLE" not in os.environ,
    reason="takes a minute: set CREDIT_RISK_SAMPLE to the folder of the lender's extracts",
)
@pytest.mark.long
def test_the_engines_agree_on_the_lenders_extract(spark: Engine, tmp_path: Path) -> None:
    """Seven months of it; the whole of it agreed as well."""
    sample, months = lender_sample(), month_range("2023-01-01", "2023-07-01")
    files: dict[str, list[Path]] = {}
    for source in CONTRACT.sources:
        folder = tmp_path / "bronze" / source.name
        folder.mkdir(parents=True)
        files[source.name] = [folder / f"{month}.parquet" for month in months]
        (whole,) = find_files(sample, source)
        found = read_months(source, {month: [whole] for month in months}, tmp_path / "scratch")
        for path, delivery in zip(files[source.name], found, strict=True):
            pq.write_table(pa.Table.from_batches(delivery.rows()), path)
    made = require_agreement(files, spark, tmp_path, months)
    for name, table in SILVER.items():
        delivered_rows = sum(pq.read_metadata(path).num_rows for path in files[name])
        assert made.rows(table).num_rows == delivered_rows
    assert made.rows(FEATURES_TABLE).num_rows > 1_500
    assert made.rows(COHORT).num_rows == made.rows(LABELS).num_rows > 100


NASTY = [
    *("", " ", "\t", "\x0b40", "40\x0b", "\f40 ", "\u00a040", "\u200540", "\x1c40", "\ufeff40"),
    *("12\u2028", "12\u2029", "12\x85", "\u202812", "_\u2028", "40_\x85", "NA\u2028"),
    *("40_", "40__", "_40", "_", "__", "4 _", "1_000", "_______", "__10000__", "!@9#%8", "NM"),
    *("1e-05", "1E5", "1e5_", "1e", "1e99", "1e-99", "1e100", "1e400", "-1e400", "1e-400"),
    *("-0", "-0.0", "007", "+5", ".5", "5.", "--5", "0x10", "5f", "5d", "1L", "NaN", "inf", "nan"),
    *("9" * 15, "9" * 16, "9" * 40, "9" * 41, "9" * 400, "0." + "0" * 400 + "1", "0." + "1" * 40),
    *("0.1", "0.30000000000000004", "9007199254740993", "123456789.123456789", "100.0000000001"),
    *("\u0661\u0662", "\uff14\uff10", "é", "e\u0301", "😀" * 50, "\uffff", "\u05d0\u05d1", "日本"),
    *("f", "n", "r", "t", "v", "\\n", "\\", "a\\b", "$1", "\\1", "%s", "${x}", "'", '"', "''"),
    *("; ", "a; b", "null", "NULL", "None", "true", "2024-02-30", "2024-01-01 ", "0000-01-01"),
    *("10 Years and 9 Months", "10 Years and 9 Months\u2028", "1 Year and 1 Month", "NA"),
    *(" Low_spent_Small_value_payments ", "low_spent_small_value_payments", "Good", " Bad", "Yes"),
    *("Auto Loan, and Boat Loan", "Auto Loan, Auto Loan", "auto loan", "Sandy Loan", "and", ","),
    "x" * 70_000,
]
"""Texts that engines are likely to read differently."""

MARCH = "2024-03-01"

NUMBERED = {"loans": "1", "attributes": "2", "financials": "3", "clickstream": "4"}
"""First digits of the customers of each source, who have a loan each."""

KEYS = [
    *(f"CUS_0x{digit}" for digit in "abcdef"),
    "CUS_n",
    "CUS_r",
    "CUS_t",
    "CUS_v",
    "\uffff",
    "😀",
    "é",
    "e\u0301",
    "a b",
    "A",
    "a",
]


def nasty_rows(name: str) -> Iterable[Row]:
    """Every nasty text in every column of a valid row, then nasty keys, repeats and conflicts."""
    columns = [column for column in VALID[name] if column != "snapshot_date"]
    if name == "clickstream":
        columns = columns[:4]
    for place, (column, text) in enumerate(product(columns, NASTY)):
        yield with_key(name, f"CUS_0x{NUMBERED[name]}{place:05d}") | {column: text}
    for position, key in enumerate(KEYS):
        yield with_key(name, key)
        yield with_key(name, f"\x0b {key}\t")
        if position % 2:
            yield with_key(name, key)
        yield with_key(name, f"{key}v")


def loans_of(rows: Iterable[Row]) -> Iterable[Row]:
    """A loan for each customer of other sources, so that their rows reach gold."""
    return (
        with_key("loans", row["Customer_ID"]) for row in rows if row["Customer_ID"][6:].isdigit()
    )


def with_key(name: str, key: str) -> Row:
    """An applicant of March 2024, or for every fifth key a loan of six months."""
    row = delivered(name, Customer_ID=key)
    if name == "loans":
        matured = key.endswith(("0", "5"))
        row |= {"loan_id": loan_id(key), "installment_num": "6" if matured else "0"}
        row |= {"loan_start_date": "2023-09-01" if matured else "2024-03-01"}
    return row


def loan_id(key: str) -> str:
    """The identifier of a customer's loan, with the white space around the customer's."""
    name = key.strip("\x0b \t")
    return key.replace(name, f"{name}_2024_03_01")


def written(folder: Path, rows: Mapping[str, Sequence[Row]]) -> BronzeFiles:
    folder.mkdir()
    for name, of_source in rows.items():
        pq.write_table(bronze(name, of_source), folder / f"{name}.parquet")
    return {name: [folder / f"{name}.parquet"] for name in rows}


def test_the_engines_agree_on_rows_that_invite_them_to_differ(
    spark: Engine, tmp_path: Path
) -> None:
    rows = {name: list(nasty_rows(name)) for name in VALID}
    for name in ("attributes", "financials", "clickstream"):
        rows["loans"] += loans_of(rows[name])
    made = require_agreement(written(tmp_path / "bronze", rows), spark, tmp_path, [MARCH])
    for name, table in SILVER.items():
        beside = [made.beside(table, part).num_rows for part in (QUARANTINED, DUPLICATES)]
        assert made.rows(table).num_rows + sum(beside) == len(rows[name])
        assert min(beside) > 0
    assert made.rows(LABELS).num_rows > 100
    features = made.rows(FEATURES_TABLE)
    assert features.num_rows > 1_500
    for name in ("has_attributes", "has_financials", "loan_type_other", "debt_to_income"):
        assert pc.count_distinct(features[name]).as_py() > 1
    for field in features.schema:
        if pa.types.is_floating(field.type):
            assert np.isfinite(features[field.name].drop_null()).all(), field.name


@pytest.mark.long
def test_the_engines_agree_on_a_loan_number_that_was_given_twice(
    spark: Engine, tmp_path: Path
) -> None:
    starts = {"CUS_0x1": ("2023-08-01", "2024-02-01"), "CUS_0x2": ("2023-09-01", "2024-03-01")}
    rows: dict[str, list[Row]] = {name: [] for name in VALID}
    for customer, (start, matured) in starts.items():
        for month, number in ((start, "0"), (matured, "6")):
            at = {"Customer_ID": customer, "snapshot_date": month}
            book = {
                "loan_id": "CUS_0x1_2023_08_01",
                "loan_start_date": start,
                "installment_num": number,
            }
            rows["loans"].append(delivered("loans", **at, **book))
            for name in ("attributes", "financials", "clickstream"):
                rows[name].append(delivered(name, **at))
    months = sorted(month for pair in starts.values() for month in pair)
    every = month_range(months[0], months[-1])
    made = require_agreement(written(tmp_path / "bronze", rows), spark, tmp_path, every)
    features, cohort = made.rows(FEATURES_TABLE), made.rows(COHORT)
    assert made.beside(CLICKSTREAM_SO_FAR, DORMANT)["months"].to_pylist() == [1, 1]
    assert made.rows(CLICKSTREAM_SO_FAR)["months"].to_pylist().count(2) == 3
    assert features["clickstream_months"].to_pylist() == [1, 1]
    assert [str(day) for day in cohort["application_date"].to_pylist()] == months[:2]
    assert [str(day) for day in cohort["snapshot_date"].to_pylist()] == months[2:]


def test_the_engines_agree_on_a_month_of_which_nothing_is_accepted(
    spark: Engine, tmp_path: Path
) -> None:
    refused = with_key("loans", "CUS_0x1") | {"tenure": "none"}
    files = written(tmp_path / "bronze", {"loans": [refused]})
    for engine in (DuckDBEngine(), spark):
        made = Refinery(engine, Datamart(tmp_path / engine.name), [MARCH])
        made.refine_silver("loans", files["loans"])
        assert made.rows(SILVER["loans"]).num_rows == 0
        assert made.beside(SILVER["loans"], DUPLICATES).num_rows == 0
        (row,) = made.beside(SILVER["loans"], QUARANTINED).to_pylist()
        assert row["loan_id"] == "CUS_0x1_2024_03_01"
        assert row["reasons"] == "tenure is not a whole number"
