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
        ("loans_part1of3_corrected.csv", Part("loans_corrected", 1, 3)),
        ("loans_2024-01.csv", Part("loans_2024-01", None, None)),
        ("loans_2024-01_part1of3.csv", Part("loans_2024-01", 1, 3)),
        ("loans_2024-01_Part2Of3.csv.gz", Part("loans_2024-01", 2, 3)),
        ("x/loans-part-002.csv.zst", Part("x/loans", 2, None)),
        ("loans part 2 of 3.txt", Part("loans", 2, 3)),
        ("loans_part1of3_2024-01.csv", Part("loans_2024-01", 1, 3)),
        ("loans.part.2.csv", Part("loans", 2, None)),
        ("loans/part-0.csv", Part("loans", 0, None)),
        ("loans/part-00001-of-00012.parquet", Part("loans", 1, 12)),
        ("loans/part-00003-8a7f-c000.snappy.parquet", Part("loans/8a7f-c000", 3, None)),
        ("loans_department7.csv", Part("loans_department7", None, None)),
        ("loans_part.csv", Part("loans_part", None, None)),
        ("loans_part202401.csv", Part("loans_part202401", None, None)),
        ("part-1/loans.xlsx", Part("part-1/loans.xlsx", None, None)),
        ("loans_department2.csv", Part("loans_department2")),
    ],
)
def test_a_part_says_which_delivery_it_belongs_to(relative: str, expected: Part) -> None:
    assert part_of(relative) == expected
