"""Metrics as a test compares them: by name and labels, as Prometheus writes them."""

from collections.abc import Iterable
from datetime import UTC, datetime

from prometheus_client import Metric


def samples(metrics: Iterable[Metric]) -> dict[str, float]:
    """Return the value of every sample; fail if two have the same name and labels."""
    found: dict[str, float] = {}
    for sample in (sample for metric in metrics for sample in metric.samples):
        labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
        name = f"{sample.name}{{{labels}}}" if labels else sample.name
        assert name not in found, name
        found[name] = sample.value
    return found


def at(day: str) -> datetime:
    """Return the beginning of a day."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)
