from pathlib import Path

import pandas as pd

from credit_risk_dagster.contract.reference import ATTRIBUTES, LOANS
from credit_risk_dagster.demo.extracts import append_frame, begin_extract, extract_path


def test_a_cumulative_extract_is_one_file_for_all_months() -> None:
    folder = Path("raw")
    path = extract_path(folder, LOANS, "2024-09-01", "cumulative")
    assert path == folder / "lms_loan_daily.csv"


def test_a_monthly_extract_carries_its_month_in_its_name() -> None:
    folder = Path("raw")
    path = extract_path(folder, LOANS, "2024-09-01", "monthly")
    assert path == folder / "lms_loan_daily_2024_09.csv"


def test_quotes_and_commas_survive_a_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "attributes.csv"
    row = ["CUS_0x1", '"Kelba, "Mor', "40_", "#F%$D@*&8", "_______", "2024-01-01"]
    frame = pd.DataFrame([row], columns=list(ATTRIBUTES.headers))
    begin_extract(path, ATTRIBUTES)
    append_frame(path, frame)
    pd.testing.assert_frame_equal(pd.read_csv(path, dtype=str), frame)
    assert "\r" not in path.read_bytes().decode()
