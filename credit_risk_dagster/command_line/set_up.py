"""Setting up an installation: its raw folder and first month, and the home of a demo."""

import shutil
from datetime import date
from pathlib import Path

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.reference import CONTRACT as REFERENCE
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.settings import SETTINGS_FILE, Settings, load_settings, save_settings

DEMO_MARKER = ".demo"
DEMO_FOLDERS = ("raw", "tables", "models", "reports", "monitoring", "mlflow", "dagster")


def known_months(home: Path) -> list[str]:
    """Return the months of which an installation has any table, oldest first."""
    from credit_risk_dagster.tables.catalogue import ALL_TABLES

    datamart = Datamart(home)
    return sorted({month for table in ALL_TABLES for month in datamart.months(table)})


def set_up(
    settings: Settings, raw: Path | None, first: str, last: str, reports_url: str
) -> Settings:
    """Return the settings to run months on; until there are tables, save what they are run on.

    Args:
        settings: those of the home as they are.
        raw: the folder of the raw extracts, if one was named.
        first: the first month of the run.
        last: its last month.
        reports_url: where the reports of this installation are going to be served.

    Raises:
        PlatformError: if the folder does not exist, or is not the one that the tables are made of;
            if the installation does not have the months.
    """
    require_snapshot(settings, last)
    folder = (raw or settings.raw_folder).resolve()
    if not folder.is_dir():
        raise PlatformError(f"There is no folder {folder}: name that of the raw extracts by --raw.")
    if not known_months(settings.home):
        saved = {"first_month": first, "reports_url": settings.reports_url or reports_url}
        if settings.contract is not None:
            saved["contract"] = settings.contract
        if settings.raw is not None or folder != settings.raw_folder.resolve():
            saved["raw"] = str(folder)  # The raw folder of the home moves with the home.
        save_settings(settings, **saved)
        settings = load_settings(settings.home)
    if settings.raw_folder.resolve() != folder:
        raise PlatformError(
            f"{settings.home} is set up on the raw folder {settings.raw_folder}. Give --home "
            f"another folder for this data, or change CREDIT_RISK_RAW in {SETTINGS_FILE} of the "
            "home, or in the environment if it is set there."
        )
    if first < settings.first_month:
        raise PlatformError(
            f"{first[:7]} is before {settings.first_month[:7]}, with which {settings.home} begins. "
            "Give --home another folder to begin earlier."
        )
    return settings


def require_snapshot(settings: Settings, month: str) -> None:
    """Check that a month can have a snapshot today.

    Raises:
        PlatformError: if it is after the newest one.
    """
    newest = settings.latest_month(date.today())
    if month > newest:
        raise PlatformError(f"{month[:7]} has no snapshot yet: the newest month is {newest[:7]}.")


def begin_demo(settings: Settings) -> None:
    """Remove an earlier demo.

    Raises:
        PlatformError: if the home holds anything else, or keeps to another contract than the one
            whose extracts the demo generates; if a run is at work in it.
    """
    home, marker = settings.home, settings.home / DEMO_MARKER
    if CONTRACT != REFERENCE:
        raise PlatformError(
            f"The demo has the extracts of {REFERENCE.lender}, but {home} keeps to the contract of "
            f"{CONTRACT.lender}. Give --home another folder, without CREDIT_RISK_CONTRACT."
        )
    held = [name for name in DEMO_FOLDERS if (home / name).exists()]
    if settings.raw_folder.resolve() != (home / "raw").resolve():
        held.append(f"settings for {settings.raw_folder}")
    if held and not marker.exists():
        raise PlatformError(
            f"{home} holds data that is not a demo: {', '.join(held)}. "
            "Give --home another folder for the demo."
        )
    made = marker.read_text(encoding="utf-8").splitlines() if marker.exists() else []
    others = [text for text in _extracts(home / "raw") if text not in made]
    if others:
        names = ", ".join(text.split(" ", 2)[2] for text in others)
        raise PlatformError(
            f"{home / 'raw'} holds files that the demo did not make: {names}. Move them away, or "
            "give --home another folder for the demo."
        )
    _require_no_run(settings)
    for name in DEMO_FOLDERS:
        if (home / name).exists():
            shutil.rmtree(home / name)
    home.mkdir(parents=True, exist_ok=True)
    mark_demo(home)


def mark_demo(home: Path) -> None:
    """Write down what a demo has made, for the next one to remove."""
    lines = ["Made by credit-risk demo, which may remove it.", *_extracts(home / "raw")]
    (home / DEMO_MARKER).write_text("\n".join([*lines, ""]), encoding="utf-8")


def _extracts(raw: Path) -> list[str]:
    """Return size, time of change and name of whatever is in a raw folder."""
    found = sorted(raw.glob("[!.]*")) if raw.is_dir() else []
    return [f"{path.stat().st_size} {path.stat().st_mtime_ns} {path.name}" for path in found]


def _require_no_run(settings: Settings) -> None:
    from credit_risk_dagster.automation.at_work import alone
    from credit_risk_dagster.resources.instance import open_instance

    if settings.dagster_home.exists():
        with open_instance(settings) as instance, alone(settings, instance):
            pass
