"""What a person does in Dagit, through the same GraphQL API."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import requests

LOCATION, REPOSITORY, JOB = "credit_risk", "__repository__", "monthly"
REPOSITORY_SELECTOR = {"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY}

Answer = dict[str, Any]

BACKFILL = """
mutation LaunchBackfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
    ... on PartitionKeysNotFoundError { message }
  }
}"""
BACKFILL_STATUS = """
query Backfill($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill { status error { message } }
  }
}"""
RUNS = """
query Runs($filter: RunsFilter!) {
  runsOrError(filter: $filter, limit: 100) {
    ... on Runs { results { runId status jobName parentRunId tags { key value } } }
  }
}"""
START_SENSOR = """
mutation StartSensor($selector: SensorSelector!) {
  startSensor(sensorSelector: $selector) {
    __typename
    ... on Sensor { sensorState { id } }
    ... on PythonError { message }
  }
}"""
STOP_SENSOR = """
mutation StopSensor($id: String!) {
  stopSensor(id: $id) { __typename ... on PythonError { message } }
}"""
START_SCHEDULE = """
mutation StartSchedule($selector: ScheduleSelector!) {
  startSchedule(scheduleSelector: $selector) {
    __typename
    ... on ScheduleStateResult { scheduleState { id } }
    ... on PythonError { message }
  }
}"""
ASSETS = """
query Assets($partitions: [String!]) {
  assetNodes {
    assetKey { path }
    assetMaterializations(partitions: $partitions) { partition }
    assetChecksOrError {
      ... on AssetChecks { checks { name executionForLatestMaterialization { status } } }
    }
  }
}"""
LOG = """
query Log($id: ID!) {
  logsForRun(runId: $id) {
    ... on EventConnection {
      events { ... on MessageEvent { message } ... on ErrorEvent { error { message } } }
    }
  }
}"""
UNFINISHED = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"]


@dataclass(frozen=True)
class Dagit:
    """Dagit at an address."""

    url: str

    def ask(self, query: str, **variables: Any) -> Answer:
        """Send a query or a mutation; return what is in its only field."""
        body = self._post(query, variables)
        assert "errors" not in body, body["errors"]
        (content,) = body["data"].values()
        return content

    def answers(self) -> bool:
        """Return whether Dagit can read its database."""
        return "errors" not in self._post(RUNS, {"filter": {}})

    def _post(self, query: str, variables: Answer) -> Answer:
        sent = {"query": query, "variables": variables}
        body: Answer = requests.post(f"{self.url}/graphql", json=sent, timeout=60).json()
        return body

    def launch_backfill(self, months: Sequence[str]) -> str:
        """Launch a backfill of the monthly job, as its page does; return its id."""
        selector = {
            "partitionSetName": f"{JOB}_partition_set",
            "repositorySelector": REPOSITORY_SELECTOR,
        }
        answer = self.ask(BACKFILL, params={"selector": selector, "partitionNames": list(months)})
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def backfill_status(self, backfill_id: str) -> str:
        """Return how far a backfill is."""
        answer = self.ask(BACKFILL_STATUS, id=backfill_id)
        assert answer["__typename"] == "PartitionBackfill", answer
        assert answer["error"] is None, answer
        return str(answer["status"])

    def runs(self, **tags: str) -> list[Answer]:
        """Return the runs that have some tags, newest first, with their tags as a mapping."""
        filters = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        found = self.ask(RUNS, filter=filters)["results"]
        return [run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def log(self, run_id: str) -> str:
        """Return what a run's log says, errors included."""
        events = self.ask(LOG, id=run_id)["events"]
        errors = [event["error"]["message"] for event in events if event.get("error")]
        return "\n".join([*(event["message"] for event in events), *errors])

    def unfinished_runs(self) -> list[str]:
        """Return the runs that wait or are at work."""
        found = self.ask(RUNS, filter={"statuses": UNFINISHED})["results"]
        return [run["runId"] for run in found]

    def start_sensor(self, name: str) -> str:
        """Switch a sensor on, which makes it look at once; return its id."""
        answer = self.ask(START_SENSOR, selector={**REPOSITORY_SELECTOR, "sensorName": name})
        assert answer["__typename"] == "Sensor", answer
        return str(answer["sensorState"]["id"])

    def stop_sensor(self, sensor_id: str) -> None:
        """Switch a sensor off."""
        answer = self.ask(STOP_SENSOR, id=sensor_id)
        assert answer["__typename"] == "StopSensorMutationResult", answer

    def start_schedule(self, name: str) -> None:
        """Switch a schedule on."""
        answer = self.ask(START_SCHEDULE, selector={**REPOSITORY_SELECTOR, "scheduleName": name})
        assert answer["__typename"] == "ScheduleStateResult", answer

    def materialized(self, month: str) -> set[str]:
        """Return the assets that Dagit shows as materialized for a month."""
        return {
            "/".join(asset["assetKey"]["path"])
            for asset in self.ask(ASSETS, partitions=[month])
            if asset["assetMaterializations"]
        }

    def checks(self) -> dict[str, str | None]:
        """Return how each check of an asset's newest materialization ended, by `asset check`."""
        return {
            f"{'/'.join(asset['assetKey']['path'])} {check['name']}": (
                check["executionForLatestMaterialization"] or {"status": None}
            )["status"]
            for asset in self.ask(ASSETS, partitions=[])
            for check in asset["assetChecksOrError"].get("checks", [])
        }


def wait_until(true: Callable[[], bool], seconds: float, what: Callable[[], object]) -> None:
    """Wait until something holds; fail after some seconds and say what is there instead."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what()
        time.sleep(0.5)
