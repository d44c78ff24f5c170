"""How the production instance launches runs: in the code location, and watched from outside.

Dagster's default launcher cannot tell whether a run is still at work. A code location that is
killed takes its runs along, and they would stay `STARTED` for ever and hold the datamart's pool.
"""

from typing import cast

from dagster import DagsterRun, DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import GetCurrentRunsResult
from dagster._serdes import deserialize_value


class WatchedRunLauncher(DefaultRunLauncher):
    """Launches runs in the code location, and lets run monitoring ask it which it is running."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring may ask."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Return whether the code location that took the run is at work on it.

        A code location that does not answer may be at work all the same: the error goes to the
        daemon's log and is asked again, because to give the run up would let another one start
        beside it.

        Raises:
            DagsterUserCodeUnreachableError: if the code location does not answer.
        """
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "the run has ended or is starting")
        answer = cast("GetCurrentRunsResult", deserialize_value(client.get_current_runs()))
        if run.run_id in answer.current_runs:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND,
            "the code location was restarted, or the run's process was killed; run the months "
            "again if they are not retried by themselves",
        )
