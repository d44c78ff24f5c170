"""The engine that a run uses, opened when the first table needs it."""

import os
import sys
from pathlib import Path

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from pydantic import PrivateAttr

from credit_risk_dagster.datamart.engine import DuckDBEngine, Engine, SparkEngine
from credit_risk_dagster.resources.java import prepare_java
from credit_risk_dagster.settings import Settings

SMALL_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


class EngineResource(dg.ConfigurableResource[Engine]):
    """DuckDB in this process, or a Spark session of `dagster-pyspark`."""

    name: str
    java_folder: str
    spill_folder: str
    memory: str
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
        return SparkEngine(self.spark.spark_session)


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
        spill_folder=str(settings.scratch_folder / "duckdb"),
        memory=settings.engine_memory,
        spark=LazyPySparkResource(spark_config=spark_config(settings)),
    )
