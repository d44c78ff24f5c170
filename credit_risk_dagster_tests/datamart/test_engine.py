import hashlib
import resource
from datetime import date
from functools import partial
from pathlib import Path

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from credit_risk_dagster.assets.inference import score_rows
from credit_risk_dagster.datamart import duckdb_engine, object_store, spark_engine
from credit_risk_dagster.datamart.duckdb_engine import DuckDBEngine
from credit_risk_dagster.datamart.engine import BATCH_ROWS, DISPOSITION, Engine, MapRows
from credit_risk_dagster.datamart.object_store import ObjectStore
from credit_risk_dagster.datamart.record import StoredFile
from credit_risk_dagster.datamart.spark_engine import SparkEngine
from credit_risk_dagster.datamart.store_place import StorePlace
from credit_risk_dagster.datamart.stored_rows import read_files
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster.models.storage import MODEL_FILE, save_model
from credit_risk_dagster.tables.gold import FEATURES_TABLE
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster_tests.models.loan_frames import loan_frame, trained

SCHEMA = pa.schema([("loan_id", pa.string()), ("month", pa.date32()), ("amount", pa.float64())])
JANUARY, FEBRUARY = date(2024, 1, 1), date(2024, 2, 1)

each_engine = pytest.mark.parametrize(
    "engine", ["duckdb", pytest.param("pyspark", marks=pytest.mark.slow)], indirect=True
)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "duckdb":
        return DuckDBEngine()
    spark: Engine = request.getfixturevalue("spark")
    return spark


def file_of(folder: Path, rows: pa.Table, name: str = "rows") -> Path:
    path = folder / f"{name}.parquet"
    pq.write_table(rows, path)
    return path


def loans(*keys: str, month: date = JANUARY) -> pa.Table:
    return pa.table(
        {"loan_id": keys, "month": [month] * len(keys), "amount": [float(len(keys))] * len(keys)},
        schema=SCHEMA,
    )


class Staged:
    """Gives an engine where its files go, and remembers which is of which month and disposition."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: list[tuple[str, str, Path]] = []

    def new_file(self, month: str, disposition: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{len(self.paths)}.parquet"
        self.paths.append((month, disposition, path))
        return path

    def write(self, engine: Engine, table: ir.Table) -> dict[tuple[str, str], pa.Table]:
        """Have an engine write a table; return what it wrote, one file a month and disposition."""
        staging = self.folder.with_name("staging of an engine")
        engine.write(table, ["loan_id"], "month", self.new_file, staging)
        written = {
            (month, disposition): pq.read_table(path, partitioning=None)
            for month, disposition, path in self.paths
        }
        assert len(written) == len(self.paths) == len(list(self.folder.iterdir()))
        return written

    def write_mapped(
        self, engine: Engine, table: ir.Table, function: MapRows, schema: pa.Schema
    ) -> pa.Table:
        """Have an engine write what a function makes of a month; return it, file after file."""
        staging = self.folder.with_name("staging of an engine")
        engine.write_mapped(
            table, function, schema, ["loan_id"], "2024-01-01", self.new_file, staging
        )
        assert {(month, disposition) for month, disposition, _ in self.paths} <= {
            ("2024-01-01", "rows")
        }
        return read_files([path for _, _, path in self.paths], schema)


@each_engine
def test_files_are_read_with_the_declared_columns_and_types(engine: Engine, tmp_path: Path) -> None:
    narrow = pa.table(
        {
            "amount": pa.array([1, None], pa.int32()),
            "unknown": ["x", "y"],
            "loan_id": pa.array(["a", "b"], pa.large_string()),
            "month": [JANUARY, FEBRUARY],
        }
    )
    found = engine.read([file_of(tmp_path, narrow)], SCHEMA).to_pyarrow()
    assert found.schema.names == SCHEMA.names
    assert found.cast(SCHEMA).sort_by("loan_id").to_pylist() == [
        {"loan_id": "a", "month": JANUARY, "amount": 1.0},
        {"loan_id": "b", "month": FEBRUARY, "amount": None},
    ]


@each_engine
def test_several_files_are_one_table(engine: Engine, tmp_path: Path) -> None:
    files = [file_of(tmp_path, loans(f"L{number}"), str(number)) for number in range(3)]
    found = engine.read(files, SCHEMA).to_pyarrow()
    assert sorted(found["loan_id"].to_pylist()) == ["L0", "L1", "L2"]


@each_engine
def test_a_large_month_is_spread_over_files_that_follow_each_other_in_key_order(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (duckdb_engine, spark_engine):
        monkeypatch.setattr(module, "FILE_ROWS", 300)
    monkeypatch.setattr(duckdb_engine, "ROW_GROUP_ROWS", 100)
    keys = [f"L{number * 7919 % 1_000:04}" for number in range(1_000)]
    rows = pa.concat_tables([loans(*keys), loans("z", month=FEBRUARY)])
    table = engine.read([file_of(tmp_path, rows)], SCHEMA)
    staged = Staged(tmp_path / "out")
    staging = tmp_path / "staging"
    engine.write(table, ["loan_id"], "month", staged.new_file, staging, rows.num_rows)
    january = [path for month, _, path in staged.paths if month == "2024-01-01"]
    assert len(january) > 1
    written = read_files(january, SCHEMA)
    assert written["loan_id"].to_pylist() == sorted(keys)
    (february,) = [path for month, _, path in staged.paths if month == "2024-02-01"]
    assert read_files([february], SCHEMA)["loan_id"].to_pylist() == ["z"]


@pytest.fixture
def reached(
    spark: SparkEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[SparkEngine, ObjectStore]:
    """An object store, and Spark with a client of it: both are shown the same folder.

    Spark's package has no client of S3: what stands in for it is Hadoop's own layer that gives a
    scheme another file system.
    """
    folder = tmp_path / "bucket of S3"
    (folder / "lender").mkdir(parents=True)
    hadoop = spark._session.sparkContext._jsc.hadoopConfiguration()
    layer = "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"
    for name, value in {
        "fs.s3a.impl": layer,
        "fs.s3a.impl.disable.cache": "true",
        "fs.viewfs.overload.scheme.target.file.impl": "org.apache.hadoop.fs.LocalFileSystem",
        "fs.viewfs.mounttable.lender.linkFallback": (folder / "lender").as_uri(),
    }.items():
        hadoop.set(name, value)
    system = fs.SubTreeFileSystem(str(folder), fs.LocalFileSystem())
    monkeypatch.setattr(object_store, "_file_system", lambda uri: (system, uri[len("s3://") :]))
    upload = ObjectStore.upload

    def into_a_folder(store: ObjectStore, path: Path, name: str) -> None:
        system.create_dir(f"{store.uri[len('s3://') :]}/{name}".rpartition("/")[0])
        upload(store, path, name)

    monkeypatch.setattr(ObjectStore, "upload", into_a_folder)
    store = ObjectStore("s3://lender/tables", tmp_path / "scratch")
    return SparkEngine(spark._session, reads_store=True), store


@pytest.mark.slow
def test_workers_with_a_client_read_and_write_the_store_themselves(
    reached: tuple[SparkEngine, ObjectStore], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine, store = reached
    place = StorePlace(store.below("silver/loans"), "silver/loans")
    path = place.new_file("snapshot_date=2024-01-01")
    pq.write_table(loans("b", "a"), path)
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    file = StoredFile(place.name_of(path), len(content), 2, sha256)
    place.keep(path, file)
    place.forget(path, is_kept=True)
    copy = place.fetch(file)
    assert copy is not None
    table = engine.read([copy], SCHEMA)
    copy.write_bytes(b"the workers do not read the driver's copy")

    staged, staging = Staged(tmp_path / "out"), place.new_staging() / "2024-01-01"
    engine.write(table, ["loan_id"], "month", staged.new_file, staging)
    ((month, disposition, written),) = staged.paths
    assert (month, disposition) == ("2024-01-01", "rows")
    assert read_files([written], SCHEMA)["loan_id"].to_pylist() == ["a", "b"]
    assert place.staging() == [], "what the workers wrote was brought and removed"


@each_engine
def test_no_files_are_an_empty_table_of_the_declared_columns(engine: Engine) -> None:
    found = engine.read([], SCHEMA).to_pyarrow()
    assert found.cast(SCHEMA).equals(SCHEMA.empty_table())


@each_engine
def test_a_name_stands_for_the_rows_that_were_read_under_it_last(
    engine: Engine, tmp_path: Path
) -> None:
    first = engine.read([file_of(tmp_path, loans("a"), "a")], SCHEMA, "loans")
    doubled = first.mutate(amount=first.amount * 2)
    other = engine.read([file_of(tmp_path, loans("c"), "c")], SCHEMA, "other_loans")
    for number, keys in enumerate([("a",), ("b", "b"), ()]):
        files = [file_of(tmp_path, loans(*keys), str(number))] if keys else []
        assert engine.read(files, SCHEMA, "loans") is first
        staged = Staged(tmp_path / f"out {number}" / "files")
        staged.folder.mkdir(parents=True)
        rows = pa.concat_tables([SCHEMA.empty_table(), *staged.write(engine, doubled).values()])
        assert rows["loan_id"].to_pylist() == list(keys)
        assert rows["amount"].to_pylist() == [2.0 * len(keys)] * len(keys)
    assert other.to_pyarrow()["loan_id"].to_pylist() == ["c"]


@each_engine
def test_a_query_over_a_name_is_compiled_once(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(engine, DuckDBEngine | SparkEngine)
    compile_once, compiled = engine._backend.compile, []

    def counted(expression: ir.Table) -> object:
        compiled.append(expression)
        return compile_once(expression)

    monkeypatch.setattr(engine._backend, "compile", counted)
    for key in ("a", "b"):
        table = engine.read([file_of(tmp_path, loans(key), key)], SCHEMA, "loans_by_name")
        (rows,) = Staged(tmp_path / f"out {key}" / "files").write(engine, table).values()
        assert rows["loan_id"].to_pylist() == [key]
    assert len(compiled) == 1


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


@pytest.mark.slow
def test_what_a_large_table_took_is_given_back_once_it_is_written(tmp_path: Path) -> None:
    amounts = np.random.default_rng(1).random((40, 500_000))
    rows = pa.table({"key": [f"{one:.17f}" for one in amounts[0]], "month": [JANUARY] * 500_000})
    for number, values in enumerate(amounts):
        rows = rows.append_column(f"amount_{number}", pa.array(values))
    path, schema = file_of(tmp_path, rows), rows.schema
    del rows, amounts
    engine, staged = DuckDBEngine(), Staged(tmp_path / "out")
    before = resident_mb()
    engine.write(engine.read([path], schema), ["key"], "month", staged.new_file, tmp_path / "s")
    assert resident_mb() - before < 100


@each_engine
def test_each_month_and_disposition_is_one_file_in_key_order(
    engine: Engine, tmp_path: Path
) -> None:
    keys = ["b", "B", "a", "é", "\uffff", "😀", "10", "9", ""]
    rows = pa.concat_tables([loans(*keys), loans("y", "x", month=FEBRUARY)])
    table = engine.read([file_of(tmp_path, rows)], SCHEMA)
    judged = table.mutate(**{DISPOSITION: (table.loan_id == "9").ifelse("quarantined", "rows")})
    written = Staged(tmp_path / "out").write(engine, judged)

    in_order = sorted({*keys} - {"9"}, key=lambda key: key.encode())
    assert {place: part["loan_id"].to_pylist() for place, part in written.items()} == {
        ("2024-01-01", "rows"): in_order,
        ("2024-01-01", "quarantined"): ["9"],
        ("2024-02-01", "rows"): ["x", "y"],
    }
    assert {tuple(part.column_names) for part in written.values()} == {tuple(SCHEMA.names)}


@each_engine
def test_rows_without_a_disposition_are_accepted(engine: Engine, tmp_path: Path) -> None:
    table = engine.read([file_of(tmp_path, loans("a"))], SCHEMA)
    assert list(Staged(tmp_path / "out").write(engine, table)) == [("2024-01-01", "rows")]


@each_engine
def test_no_rows_are_no_files(engine: Engine, tmp_path: Path) -> None:
    staged = Staged(tmp_path / "out")
    engine.write(engine.read([], SCHEMA), ["loan_id"], "month", staged.new_file, tmp_path / "s")
    assert staged.paths == []


@pytest.mark.slow
def test_spark_reads_and_writes_local_files_whatever_file_system_its_cluster_has(
    spark: Engine, tmp_path: Path
) -> None:
    assert isinstance(spark, SparkEngine)
    folder = tmp_path / "Zürich 100%"
    folder.mkdir()
    spark._session.conf.set("fs.defaultFS", "hdfs://cluster.example:8020")
    try:
        table = spark.read([file_of(folder, loans("a"))], SCHEMA)
        written = Staged(folder / "out").write(spark, table)
    finally:
        spark._session.conf.unset("fs.defaultFS")
    assert written["2024-01-01", "rows"]["loan_id"].to_pylist() == ["a"]


def doubled(frame: pd.DataFrame) -> pd.DataFrame:
    """Return columns in another order than declared, one of them new, with nulls kept."""
    return pd.DataFrame(
        {
            "amount": frame["amount"] * 2,
            "note": frame["loan_id"].str.upper().mask(frame["amount"].isna()),
            "loan_id": frame["loan_id"],
        }
    )


MAPPED = pa.schema([("loan_id", pa.string()), ("note", pa.string()), ("amount", pa.float64())])


@each_engine
def test_what_a_function_makes_of_all_rows_is_written_in_key_order(
    engine: Engine, tmp_path: Path
) -> None:
    rows = pa.table({"loan_id": ["a", "b", "c"], "month": [JANUARY] * 3, "amount": [None, 3, 1.5]})
    files = [file_of(tmp_path, rows.slice(0, 2), "second"), file_of(tmp_path, rows.slice(2), "1")]
    table = engine.read(files, SCHEMA)
    found = Staged(tmp_path / "out").write_mapped(engine, table, doubled, MAPPED)
    assert found.schema.remove_metadata() == MAPPED
    assert found.to_pylist() == [
        {"loan_id": "a", "note": None, "amount": None},
        {"loan_id": "b", "note": "B", "amount": 6.0},
        {"loan_id": "c", "note": "C", "amount": 3.0},
    ]


@each_engine
def test_a_function_is_not_called_where_there_are_no_rows(engine: Engine, tmp_path: Path) -> None:
    def never(frame: pd.DataFrame) -> pd.DataFrame:
        raise AssertionError(f"called with {len(frame)} rows")

    staged = Staged(tmp_path / "out")
    assert staged.write_mapped(engine, engine.read([], SCHEMA), never, MAPPED).num_rows == 0
    assert staged.paths == []


@each_engine
def test_rows_of_many_batches_are_in_key_order_over_all_their_files(
    engine: Engine, tmp_path: Path
) -> None:
    names = [f"{number:06d}" for number in range(BATCH_ROWS + 10)]
    table = engine.read([file_of(tmp_path, loans(*names))], SCHEMA)
    found = Staged(tmp_path / "out").write_mapped(engine, table, doubled, MAPPED)
    assert found["loan_id"].to_pylist() == names


@pytest.mark.parametrize("at", [3, BATCH_ROWS], ids=["in a batch", "between two"])
def test_stored_rows_that_are_not_in_key_order_are_refused(tmp_path: Path, at: int) -> None:
    names = [f"{number:06d}" for number in range(BATCH_ROWS + 10)]
    names[at - 1], names[at] = names[at], names[at - 1]
    engine = DuckDBEngine()
    table = engine.read([file_of(tmp_path, loans(*names))], SCHEMA)
    with pytest.raises(PartitionError, match="2024-01-01 are not in the order of loan_id"):
        Staged(tmp_path / "out").write_mapped(engine, table, doubled, MAPPED)


def test_many_rows_are_mapped_batch_by_batch(tmp_path: Path) -> None:
    names = [f"{number:06d}" for number in range(BATCH_ROWS + 10)]
    engine = DuckDBEngine()
    sizes: list[int] = []

    def counted(frame: pd.DataFrame) -> pd.DataFrame:
        sizes.append(len(frame))
        return doubled(frame)

    table = engine.read([file_of(tmp_path, loans(*names))], SCHEMA)
    Staged(tmp_path / "out").write_mapped(engine, table, counted, MAPPED)
    assert sum(sizes) == len(names)
    assert len(sizes) > 1
    assert max(sizes) <= BATCH_ROWS


def feature_rows() -> pa.Table:
    """Made-up loans as gold holds them."""
    frame = loan_frame(20)
    days = pd.to_datetime(frame["cohort"]).dt.date
    frame = frame.assign(
        customer_id=frame["loan_id"].str[:6],
        snapshot_date=days,
        latest_input_date=days,
        has_attributes=True,
        has_financials=True,
    )
    return pa.Table.from_pandas(frame, FEATURES_TABLE.schema, preserve_index=False)


@pytest.mark.slow
def test_a_model_gives_the_same_scores_bands_and_reasons_on_both_engines(
    spark: Engine, tmp_path: Path
) -> None:
    """The product's own scoring, with a model that comes to every worker of Spark."""
    save_model(trained("logistic_regression").model, tmp_path / "model")
    scoring = partial(
        score_rows,
        revision=0,
        model=(tmp_path / "model" / MODEL_FILE).read_bytes(),
        model_id="m",
        bounds=(0.1, 0.2, 0.35, 0.5),
    )
    path = file_of(tmp_path, feature_rows())
    here, there = (
        Staged(tmp_path / engine.name / "out").write_mapped(
            engine, engine.read([path], FEATURES_TABLE.schema), scoring, PREDICTIONS.schema
        )
        for engine in (DuckDBEngine(), spark)
    )
    assert here.num_rows == feature_rows().num_rows
    assert pc.count_distinct(here["band"]).as_py() >= 4
    for field in PREDICTIONS.schema:
        if pa.types.is_floating(field.type):
            np.testing.assert_allclose(here[field.name], there[field.name], rtol=0, atol=1e-9)
        else:
            assert here[field.name].equals(there[field.name]), field.name


@pytest.mark.parametrize("name", ["duckdb", "pyspark"])
def test_a_column_that_began_later_is_null_in_the_files_of_old_months(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    engine = DuckDBEngine() if name == "duckdb" else request.getfixturevalue("spark")
    old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    pq.write_table(pa.table({"loan_id": ["A"]}), old)
    pq.write_table(pa.table({"score": [2.5], "loan_id": ["B"]}), new)
    schema = pa.schema([("loan_id", pa.string()), ("score", pa.float64())])
    for files, expected in (([old], [None]), ([old, new], [None, 2.5]), ([new, old], [None, 2.5])):
        rows = engine.read(files, schema).to_pyarrow().sort_by("loan_id")
        assert rows["score"].to_pylist() == expected
        assert rows.column_names == schema.names
