from credit_risk_dagster.demo.streams import Purpose, stream


def draw(seed: int, purpose: Purpose, *months: str) -> list[int]:
    return [int(number) for number in stream(seed, purpose, *months).integers(2**60, size=4)]


def test_a_stream_repeats_itself() -> None:
    key = (3, Purpose.DEFAULTS, "2024-01-01")
    assert draw(*key) == draw(*key)


def test_streams_differ_by_seed_purpose_and_each_month() -> None:
    drawn = [
        draw(3, Purpose.CLICKSTREAM, "2024-01-01", "2024-02-01"),
        draw(4, Purpose.CLICKSTREAM, "2024-01-01", "2024-02-01"),
        draw(3, Purpose.PAYMENTS, "2024-01-01", "2024-02-01"),
        draw(3, Purpose.CLICKSTREAM, "2024-02-01", "2024-01-01"),
        draw(3, Purpose.CLICKSTREAM, "2024-01-01", "2024-03-01"),
        draw(3, Purpose.CLICKSTREAM, "2024-01-01"),
    ]
    assert len({tuple(numbers) for numbers in drawn}) == len(drawn)
