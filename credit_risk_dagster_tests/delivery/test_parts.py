import pytest

from credit_risk_dagster.delivery.parts import Part, part_of


@pytest.mark.parametrize(
    ("relative", "expected"),
    [
        ("loans.csv", Part("loans")),
        ("2024-01/loans_part1of3.csv", Part("2024-01/loans", 1, 3)),
        ("loans_2024-01.part-002.csv", Part("loans_2024-01", 2)),
        ("loans_2024-01_PART_2_OF_10.csv.gz", Part("loans_2024-01", 2, 10)),
        ("loans-part0003.parquet", Part("loans", 3)),
        ("loans_part1of3_corrected.csv", Part("loans_part1of3_corrected")),
        ("loans_department2.csv", Part("loans_department2")),
    ],
)
def test_a_part_says_which_delivery_it_belongs_to(relative: str, expected: Part) -> None:
    assert part_of(relative) == expected
