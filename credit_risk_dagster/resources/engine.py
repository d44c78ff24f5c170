"""The engine that a run uses, opened when the first table needs it."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from pydantic import PrivateAttr

from credit_risk_dagster.datamart.duckdb_engine import DuckDBEngine
from credit_risk_dagster.datamart.engine import Engine
from credit_risk_dagster.datamart.spark_engine import SparkEngine
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.resources.java import prepare_java
from credit_risk_dagster.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SPILL = "duckdb"
"""The folder of scratch that DuckDB spills to."""

S3_CLIENT = "org.apache.hadoop.fs.s3a.S3AFileSystem"

SMALL_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


class EngineResource(dg.ConfigurableResource[Engine]):
    """DuckDB in this process, or a Spark session of `dagster-pyspark`."""

    name: str
    java_folder: str
    spill_folder: str
    memory: str
    master: str
    store: str
    spark: dg.ResourceDependency[LazyPySparkResource]
    _engine: Engine | None = PrivateAttr(default=None)

    def open(self) -> Engine:
        """Return the engine of this run; the same one every time."""
        if self._engine is None:
            is_spark = self.name == "pyspark"
            self._engine = self._spark_engine() if is_spark else self._duckdb_engine()
        return self._engine

    def _duckdb_engine(self) -> Engine:
        spill = Path(self.spill_folder)
        spill.mkdir(parents=True, exist_ok=True)
        return DuckDBEngine(spill, self.memory)

    def _spark_engine(self) -> Engine:
        prepare_java(Path(self.java_folder))
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        session = self.spark.spark_session
        if not self.store or self.master.startswith("local"):
            return SparkEngine(session)
        _require_client_of(self.store, self.master, session)
        return SparkEngine(session, reads_store=True)


def _require_client_of(store: str, master: str, session: "SparkSession") -> None:
    """Look whether a cluster can read the object store: Spark's package brings no client of one.

    Raises:
        PlatformError: if it cannot.
    """
    if not store.startswith("s3://") or master.startswith("sc://"):
        return  # clients of other stores, and those of a server behind Spark Connect, speak up
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]

    try:
        machine: Any = session.sparkContext._jvm
        machine.java.lang.Class.forName(S3_CLIENT)
    except Py4JError as error:
        raise PlatformError(
            f"The tables are in {store}, and the Spark cluster {master} has no client of S3. Add "
            "hadoop-aws of its Hadoop release with the AWS SDK to the cluster's and the driver's "
            "jars, and its endpoint and credentials as spark.hadoop.fs.s3a.* to "
            "spark-defaults.conf; or run on this machine with CREDIT_RISK_SPARK_MASTER=local[2]."
        ) from error


def spark_config(settings: Settings) -> dict[str, str]:
    """Return Spark's configuration: small for local cores, the cluster's own elsewhere."""
    shared = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    if settings.spark_master.startswith("sc://"):
        return {**shared, "spark.remote": settings.spark_master}
    shared["spark.master"] = settings.spark_master
    if not settings.spark_master.startswith("local"):
        return shared
    return {
        **shared,
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": SMALL_JVM,
        "spark.sql.shuffle.partitions": "4",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }


def engine_resource(settings: Settings) -> EngineResource:
    """Build the engine of an installation."""
    return EngineResource(
        name=settings.engine,
        java_folder=str(settings.home / "java"),
        spill_folder=str(settings.scratch_folder / SPILL),
        memory=settings.engine_memory,
        master=settings.spark_master,
        store=settings.tables or "",
        spark=LazyPySparkResource(spark_config=spark_config(settings)),
    )
