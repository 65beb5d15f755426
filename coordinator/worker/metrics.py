"""Figures of one worker, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from coordinator.domain.task import Task
from coordinator.domain.unit_state import Hook

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class Metrics:
    """One registry per worker, so that several in one process (tests) do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._hooks = Counter(
            "coordinator_hooks_total", "Hooks that ended", ["kind", "outcome"], registry=self.registry
        )
        self._seconds = Histogram(
            "coordinator_hook_seconds", "Time from start to end of a hook", ["kind"], buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._tasks = Counter(
            "coordinator_tasks_total",
            "Actions and commands that ended",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self._task_seconds = Histogram(
            "coordinator_task_seconds", "Time from start to end of an action or command", ["kind"],
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self.tasks_queued = Gauge(
            "coordinator_tasks_queued", "Actions and commands that wait for their turn", registry=self.registry
        )
        self.tasks_running = Gauge(
            "coordinator_tasks_running", "Actions and commands that run", registry=self.registry
        )
        self.units = Gauge("coordinator_units", "Units that this worker runs", registry=self.registry)
        self.session = Gauge(
            "coordinator_session_valid", "1 while etcd confirms the worker's lease", registry=self.registry
        )

    def hook(self, hook: Hook, outcome: object, took_s: float) -> None:
        """Count one hook; the label is its kind, so that the number of series is bounded."""
        self._hooks.labels(hook.kind.value, type(outcome).__name__.lower()).inc()
        self._seconds.labels(hook.kind.value).observe(took_s)

    def task(self, ended: Task, took_s: float) -> None:
        """Count one action or command as it is stored at its end."""
        kind = "exec" if ended.is_exec else "action"
        self._tasks.labels(kind, ended.status.value).inc()
        self._task_seconds.labels(kind).observe(took_s)

    def text(self) -> bytes:
        return generate_latest(self.registry)
