"""Kill a run at random moments, resume it, and compare the end with that of an undisturbed run.

    python -m benchmarks.killed_runs --kills 20 --months 24 --applicants 200

prints for each kill when it came and what was at work, and at the end whether content hashes, model
ids, scores and MLflow versions are those of the run that nobody disturbed.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from deltalake import __version__ as deltalake_version

from credit_risk_dagster.assets.history import production_record
from credit_risk_dagster.demo.generator import generate
from credit_risk_dagster.demo.portfolio import DemoPortfolio
from credit_risk_dagster.operations.leftovers import leftovers
from credit_risk_dagster.resources.instance import open_instance
from credit_risk_dagster.resources.tables import open_datamart
from credit_risk_dagster.resources.tracking import REGISTERED_MODEL, model_tracking
from credit_risk_dagster.settings import load_settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES
from credit_risk_dagster.tables.production import PRODUCTION_MODEL

End = Mapping[str, object]
"""What must be the same: content by month of a table, models by month, registered versions."""


SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True)
class Kill:
    """One kill: how many steps the run had started, and which was at work."""

    steps: int
    step: str


def run_command(
    home: Path, raw: Path, months: Sequence[str], settings: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    """Start `credit-risk run` over a range of months in a process group of its own."""
    command = Path(sys.executable).with_name("credit-risk")
    span = f"{months[0][:7]}..{months[-1][:7]}"
    others = {name: text for name, text in os.environ.items() if "CREDIT_RISK" not in name}
    with (home.parent / f"{home.name}.log").open("a", encoding="utf-8") as log:
        return subprocess.Popen(
            [str(command), "run", "--raw", str(raw), "--months", span, "--home", str(home)],
            env={**others, **settings},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def undisturbed(home: Path, raw: Path, months: Sequence[str], settings: Mapping[str, str]) -> float:
    """Run the months to the end; return how many seconds that took."""
    began = time.monotonic()
    if run_command(home, raw, months, settings).wait() != 0:
        raise SystemExit(f"The run failed: see {home}.log")
    return time.monotonic() - began


def killed(
    home: Path,
    raw: Path,
    months: Sequence[str],
    settings: Mapping[str, str],
    steps: int,
    delay: float,
) -> Kill | None:
    """Start a run, and kill it some seconds after so many of its steps; None if it ended before."""
    before = _newest_run(home)
    process = run_command(home, raw, months, settings)
    while process.poll() is None:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        run = _newest_run(home)
        if run not in (None, before) and len(started := _started(home, str(run))) >= steps:
            time.sleep(delay)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return Kill(len(started), started[-1])
    return None


def _newest_run(home: Path) -> str | None:
    if not (home / "dagster").is_dir():
        return None
    with open_instance(load_settings(home)) as instance:
        runs = instance.get_runs(limit=1)
        return runs[0].run_id if runs else None


def _started(home: Path, run_id: str) -> list[str]:
    with open_instance(load_settings(home)) as instance:
        events = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_START)
        return [str(event.step_key) for event in events]


def steps_of(home: Path) -> int:
    """Return how many steps the newest run had."""
    return len(_started(home, str(_newest_run(home))))


def end_of(home: Path) -> End:
    """Return what two installations that ran the same months must have in common."""
    settings = load_settings(home)
    datamart = open_datamart(settings)
    content = {
        record.partition: (
            record.content_hash,
            sorted((name, one.content_hash) for name, one in record.beside.items()),
            record.inputs,
        )
        for table in ALL_TABLES
        for record in datamart.records(table).values()
    }
    models = {
        month: production_record(datamart, month)["model_id"]
        for month in datamart.months(PRODUCTION_MODEL)
    }
    client = model_tracking(settings).client()
    versions = client.search_model_versions(f"name = '{REGISTERED_MODEL}'")
    registered = sorted((int(one.version), one.tags["model_id"]) for one in versions)
    damaged = [
        record.partition
        for table in ALL_TABLES
        for record in datamart.records(table).values()
        if datamart.damaged_files(table, record)
    ]
    return {"content": content, "models": models, "registered": registered, "damaged": damaged}


def differences(one: End, other: End) -> list[str]:
    """Return the names of what two ends do not have in common."""
    return [name for name in one if one[name] != other[name]]


def main() -> None:
    """Kill, resume, compare and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--applicants", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    portfolio = DemoPortfolio("2024-12", chosen.months, chosen.applicants)
    settings = {"CREDIT_RISK_MONITORING__REPORT_FEATURES": "0"}
    moments = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder, "raw")
        generate(portfolio, raw)
        whole, disturbed = Path(folder, "whole"), Path(folder, "disturbed")
        seconds = undisturbed(whole, raw, portfolio.month_keys, settings)
        print(f"deltalake {deltalake_version}; undisturbed: {seconds:.0f} s")
        done = 0
        while done < chosen.kills:
            steps, delay = moments.randint(1, steps_of(whole)), moments.uniform(0, 2)
            kill = killed(disturbed, raw, portfolio.month_keys, settings, steps, delay)
            if kill is not None:
                done += 1
                print(f"kill {done}: {delay:.1f} s into {kill.step}", flush=True)
        left = len(leftovers(load_settings(disturbed)))
        undisturbed(disturbed, raw, portfolio.month_keys, settings)
        found = differences(end_of(whole), end_of(disturbed))
        print(f"{left} files were left by killed runs")
        print(
            f"different: {', '.join(found)}" if found else "the same content, models and versions"
        )
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
