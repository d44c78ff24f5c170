"""Where the CPU seconds of a run go: each step, Dagster's events, and the start of the process."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import dagster as dg

from benchmarks.usage import NOTHING, Usage, usage_now

CHECKS = "__checks"
"""How the name of a step of checks ends."""


@dataclass
class EventMeter:
    """Listens to the events of a run, and times what it costs to store and to look them up.

    Attributes:
        written: how many events were written.
        write_cpu: CPU seconds for it.
        looked_up: how many other calls of the event storage there were.
        look_up_cpu: CPU seconds for them.
        first_step: what the process had taken when the first step began, without its events.
        steps: what each step took, without its events' CPU seconds.
    """

    written: int = 0
    write_cpu: float = 0.0
    looked_up: int = 0
    look_up_cpu: float = 0.0
    first_step: Usage | None = None
    steps: dict[str, Usage] = field(default_factory=lambda: defaultdict(lambda: NOTHING))
    _began: dict[str, tuple[Usage, float]] = field(default_factory=dict)
    _inside: bool = False

    @property
    def event_cpu(self) -> float:
        """CPU seconds for events, written and looked up."""
        return self.write_cpu + self.look_up_cpu

    def attach(self, instance: dg.DagsterInstance) -> None:
        """Time the event storage of an instance, for as long as the instance is used."""
        storage = instance.event_log_storage
        for name in dir(type(storage)):
            # Every call of the storage, by whatever part of Dagster; properties are no calls.
            if not name.startswith("_") and callable(getattr(type(storage), name)):
                setattr(storage, name, self._look_up(getattr(storage, name)))
        vars(instance)["handle_new_event"] = self._write(instance.handle_new_event)

    def _look_up(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def timed(*arguments: Any, **named: Any) -> Any:
            if self._inside:
                return call(*arguments, **named)
            self._inside, began = True, time.thread_time()
            try:
                return call(*arguments, **named)
            finally:
                self._inside = False
                self.looked_up += 1
                self.look_up_cpu += time.thread_time() - began

        return timed

    def _write(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def timed(event: dg.EventLogEntry, **named: Any) -> Any:
            self._listen(event)
            inside, self._inside, began = self._inside, True, time.thread_time()
            try:
                return call(event, **named)
            finally:
                self._inside = inside
                self.written += 1
                self.write_cpu += time.thread_time() - began

        return timed

    def _listen(self, entry: dg.EventLogEntry) -> None:
        event, step = entry.dagster_event, str(entry.step_key)
        if event is None:
            return
        if event.is_step_start:
            now = usage_now()
            self.first_step = self.first_step or now - Usage(0, self.event_cpu, 0, 0)
            self._began[step] = (now, self.event_cpu)
        elif event.is_step_success or event.is_step_failure:
            began, event_cpu = self._began.pop(step)
            taken = usage_now() - began
            within = Usage(0, self.event_cpu - event_cpu, 0, 0)
            self.steps[step] = self.steps[step] - (NOTHING - (taken - within))
