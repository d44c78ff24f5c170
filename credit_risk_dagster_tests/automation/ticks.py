"""Ticks of the sensors and the schedule, as the daemon makes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from dagster._core.storage.tags import PARTITION_NAME_TAG

from credit_risk_dagster.definitions import build_definitions
from credit_risk_dagster.settings import Settings

DEADLINE = datetime(2024, 3, 5, 6, tzinfo=UTC)


@dataclass(frozen=True)
class Asked:
    """A run that was asked for."""

    month: str
    run_key: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Tick:
    """What a tick came to: a run, or the reason for none, and the cursor afterwards."""

    asked: Asked | None
    reason: str | None
    cursor: str | None = None

    @property
    def request(self) -> Asked:
        """The run that was asked for."""
        assert self.asked is not None, self.reason
        return self.asked


def sensor_tick(
    name: str, settings: Settings, instance: dg.DagsterInstance, cursor: str | None = None
) -> Tick:
    """Let a sensor look once."""
    definitions = build_definitions(settings)
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def(name)
    needed = {key: definitions.resources[key] for key in sensor.required_resource_keys}
    with dg.build_sensor_context(
        instance, cursor, repository_def=repository, resources=needed
    ) as context:
        data = sensor.evaluate_tick(context)
    return Tick(_only(data.run_requests), data.skip_message, data.cursor)


def deadline_tick(
    settings: Settings, instance: dg.DagsterInstance, at: datetime = DEADLINE
) -> Tick:
    """Let the deadline come."""
    definitions = build_definitions(settings)
    repository = definitions.get_repository_def()
    with dg.build_schedule_context(
        instance,
        scheduled_execution_time=at,
        repository_def=repository,
        resources=definitions.resources,
    ) as context:
        data = repository.get_schedule_def("month_deadline").evaluate_tick(context)
    return Tick(_only(data.run_requests), data.skip_message)


def _only(requests: Sequence[dg.RunRequest] | None) -> Asked | None:
    if not requests:
        return None
    (request,) = requests
    tags = dict(request.tags)
    assert request.run_key is not None
    month = request.partition_key or tags.get(PARTITION_NAME_TAG, "")
    return Asked(month, request.run_key, tags)
