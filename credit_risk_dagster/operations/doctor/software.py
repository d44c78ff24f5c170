"""What is installed, against what the project declares; and Java, where Spark needs it."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from platform import python_version

from packaging.requirements import Requirement

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.operations.doctor.finding import Finding, failed, ok, warning
from credit_risk_dagster.resources.java import prepare_java
from credit_risk_dagster.settings import Settings

PROJECT = "credit-risk-dagster"


def software_findings(settings: Settings) -> Iterator[Finding]:
    """Compare what is installed with what the project declares."""
    yield _packages()
    runs_spark = settings.engine == "pyspark" and not settings.spark_master.startswith("sc://")
    if runs_spark and settings.home.is_dir():
        yield _java(settings)


def installed(package: str) -> str | None:
    """Return the installed version of a package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _packages() -> Finding:
    if installed(PROJECT) is None:
        return warning(
            "packages",
            f"{PROJECT} is not installed as a package, so nothing tells what it needs.",
            "Install it, as `make demo` does.",
        )
    needed = [Requirement(line) for line in requires(PROJECT) or ()]
    ours = [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = [f"{one} (installed: {found})" for one in ours if (found := _unfit(one)) is not None]
    if wrong:
        return failed(
            "packages",
            f"{len(wrong)} of {len(ours)} do not fit: {', '.join(wrong)}.",
            "Install what requirements.lock names: `make demo` does, in a new environment.",
        )
    return ok("packages", f"All {len(ours)} fit what is declared; Python {python_version()}.")


def _unfit(requirement: Requirement) -> str | None:
    """Return what is installed instead of what is required; None if that is met."""
    found = installed(requirement.name)
    if found is not None and requirement.specifier.contains(found, prereleases=True):
        return None
    return found or "nothing"


def _java(settings: Settings) -> Finding:
    try:
        prepare_java(settings.home / "java")
    except PlatformError as error:
        return failed("Java", str(error), "Install Java 17 or 21 and set JAVA_HOME.")
    return ok("Java", "Spark finds a Java that it can run on.")
