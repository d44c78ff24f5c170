"""Months are refined together as far as they fit, and committed together."""

from hypothesis import given
from hypothesis import strategies as st

from credit_risk_dagster.assets.refinement import groups_of_months
from credit_risk_dagster.months import add_months

SIZES = st.lists(st.integers(0, 50), min_size=1, max_size=30).map(
    lambda sizes: {add_months("2023-01-01", place): size for place, size in enumerate(sizes)}
)


@given(sizes=SIZES, limit=st.integers(1, 200))
def test_months_stay_in_order_and_only_a_month_of_its_own_is_beyond_the_limit(
    sizes: dict[str, int], limit: int
) -> None:
    groups = groups_of_months(sizes, limit)
    assert [month for group in groups for month in group] == list(sizes)
    for group, following in zip(groups, [*groups[1:], []], strict=True):
        rows = sum(sizes[month] for month in group)
        assert rows <= limit or len(group) == 1
        assert not following or rows + sizes[following[0]] > limit, "no group ends early"


@given(sizes=SIZES)
def test_without_a_limit_all_months_are_one_job(sizes: dict[str, int]) -> None:
    assert groups_of_months(sizes, None) == [list(sizes)]


def test_a_small_lenders_two_years_are_one_query_and_a_large_lenders_are_month_by_month() -> None:
    months = [add_months("2023-01-01", place) for place in range(24)]
    assert len(groups_of_months(dict.fromkeys(months, 15_000), 500_000)) == 1
    assert len(groups_of_months(dict.fromkeys(months, 400_000), 500_000)) == 24
