from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.demo.generator import generate
from credit_risk_dagster.months import month_range
from credit_risk_dagster_tests.demo.conftest import SMALL, Extracts, numbers, read_extracts

MAIN_FEATURES = {
    "Annual_Income": (0, 200_000),
    "Interest_Rate": (0, 100),
    "Outstanding_Debt": (0, 10_000),
    "Delay_from_due_date": (-10, 100),
    "Num_Credit_Inquiries": (0, 50),
    "Credit_Utilization_Ratio": (0, 100),
    "Monthly_Balance": (0, 5_000),
}
DRIFTING = {"Annual_Income", "Interest_Rate", "Outstanding_Debt"}


def contents(paths: list[Path]) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths}


def until(extracts: Extracts, month: str) -> Extracts:
    return {
        name: rows[rows["snapshot_date"] <= month].reset_index(drop=True)
        for name, rows in extracts.items()
    }


def stability_index(base: npt.NDArray[np.float64], current: npt.NDArray[np.float64]) -> float:
    edges = np.unique(np.quantile(base, np.linspace(0.1, 0.9, 9)))
    shares = [
        (np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1) + 0.5) / len(values)
        for values in (base, current)
    ]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def feature(extracts: Extracts, column: str, months: list[str]) -> npt.NDArray[np.float64]:
    rows = extracts["financials"][extracts["financials"]["snapshot_date"].isin(months)]
    values = numbers(rows[column])
    accepted = values[values.between(*MAIN_FEATURES[column])]
    return accepted.to_numpy(dtype=np.float64)


def test_the_same_portfolio_is_the_same_to_the_byte(tmp_path: Path) -> None:
    one = contents(generate(SMALL, tmp_path / "one"))
    assert one == contents(generate(SMALL, tmp_path / "other"))
    assert one == contents(generate(SMALL, tmp_path / "one"))


def test_another_seed_gives_other_borrowers(tmp_path: Path) -> None:
    one = contents(generate(SMALL, tmp_path / "one"))
    other = contents(generate(replace(SMALL, seed=8), tmp_path / "other"))
    assert all(one[name] != other[name] for name in one)


@pytest.mark.parametrize("later", [1, 2, 13])
def test_the_rows_of_a_month_do_not_depend_on_the_months_that_follow(
    later: int, tmp_path: Path
) -> None:
    last = month_range(SMALL.last_month, "2026-12-01")[later]
    generate(SMALL, tmp_path / "short")
    generate(replace(SMALL, last_month=last, months=6 + later), tmp_path / "long")
    short = read_extracts(tmp_path / "short")
    long = until(read_extracts(tmp_path / "long"), SMALL.last_month)
    for name, rows in short.items():
        pd.testing.assert_frame_equal(rows, long[name])


def test_columns_are_those_of_the_sources_in_their_order(extracts: Extracts) -> None:
    for source in CONTRACT.sources:
        assert tuple(extracts[source.name].columns) == source.headers


def test_every_extract_has_rows_in_every_month_and_no_key_twice(extracts: Extracts) -> None:
    for source in CONTRACT.sources:
        rows = extracts[source.name]
        assert sorted(set(rows["snapshot_date"])) == month_range("2023-01-01", "2025-06-01")
        assert not rows.duplicated(list(source.key_headers)).any()


def test_monthly_files_hold_together_the_rows_of_the_cumulative_ones(tmp_path: Path) -> None:
    cumulative = generate(SMALL, tmp_path / "cumulative")
    monthly = contents(generate(SMALL, tmp_path / "monthly", layout="monthly"))
    assert len(monthly) == 4 * 6
    for path in cumulative:
        header, *rows = path.read_bytes().splitlines(keepends=True)
        names = [f"{path.stem}_2024_{month:02d}.csv" for month in range(1, 7)]
        files = [monthly[name].splitlines(keepends=True) for name in names]
        assert all(file[0] == header for file in files)
        assert [row for file in files for row in file[1:]] == rows


def test_files_appear_complete_and_nothing_else_remains(tmp_path: Path) -> None:
    paths = generate(SMALL, tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert {path.stem for path in paths} == {source.files[0] for source in CONTRACT.sources}
    assert all(path.read_bytes().endswith(b"\n") for path in paths)


@pytest.mark.parametrize("column", MAIN_FEATURES)
def test_nothing_drifts_by_itself(column: str, extracts: Extracts) -> None:
    early = feature(extracts, column, month_range("2023-01-01", "2024-03-01"))
    late = feature(extracts, column, month_range("2024-04-01", "2025-06-01"))
    assert stability_index(early, late) < 0.01


def test_injected_drift_shows_from_its_month_and_changes_no_byte_before(tmp_path: Path) -> None:
    stable = replace(SMALL, applicants_per_month=400)
    generate(stable, tmp_path / "stable")
    generate(replace(stable, drift_from="2024-04"), tmp_path / "drifting")
    calm, drifting = read_extracts(tmp_path / "stable"), read_extracts(tmp_path / "drifting")
    for name, rows in until(calm, "2024-03-01").items():
        pd.testing.assert_frame_equal(rows, until(drifting, "2024-03-01")[name])
    for column in MAIN_FEATURES:
        before = feature(drifting, column, month_range("2024-01-01", "2024-03-01"))
        for month in month_range("2024-04-01", "2024-06-01"):
            shifted = stability_index(before, feature(drifting, column, [month])) > 0.25
            assert shifted or column not in DRIFTING
    for name in ("attributes", "clickstream"):
        pd.testing.assert_frame_equal(calm[name], drifting[name])


def test_drift_has_the_size_that_was_asked_for(tmp_path: Path) -> None:
    base = replace(SMALL, applicants_per_month=2_000, months=1)
    folders = {size: tmp_path / str(size) for size in (0.0, 0.5, 1.0)}
    for size, folder in folders.items():
        generate(replace(base, drift_from="2024-06", drift_size=size), folder)
    logs = [
        np.log(feature(read_extracts(folder), "Annual_Income", ["2024-06-01"]))
        for folder in folders.values()
    ]
    for size, shifted in zip((0.5, 1.0), logs[1:], strict=True):
        assert abs((logs[0].mean() - shifted.mean()) / logs[0].std() - size) < 0.1
