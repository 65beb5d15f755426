"""Log lines of a model, gathered from every worker and merged by time."""

from __future__ import annotations

import heapq
import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from coordinator.domain.model import Worker
from coordinator.domain.refs import Kind
from coordinator.domain.view import View
from coordinator.log import get_logger

TIMEOUT_S = 5.0
POLL_S = 1.0  # of a live tail: how long a worker may hold a request for new lines
WORKERS_AT_ONCE = 16

log = get_logger()
Line = dict[str, Any]


def workers_of(view: View) -> list[Worker]:
    """Return the workers that are there now."""
    return [worker for _, worker in view.list(Kind.WORKER)]


def gather(workers: Iterable[Worker], model: str, *, since_s: float, wait_s: float = 0.0) -> list[Line]:
    """Return the lines after *since_s* of all workers, oldest first.

    A worker that does not answer is left out; our own log says which.
    """
    workers = list(workers)
    if not workers:
        return []
    with ThreadPoolExecutor(min(len(workers), WORKERS_AT_ONCE)) as pool:
        found = pool.map(lambda worker: _fetch(worker, model, since_s, wait_s), workers)
        return list(heapq.merge(*found, key=lambda line: line["at_s"]))


def _fetch(worker: Worker, model: str, since_s: float, wait_s: float) -> list[Line]:
    url = f"{worker.url}/logs?model={model}&since={since_s!r}&wait={wait_s}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {worker.secret}"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S + wait_s) as answer:
            return [json.loads(line) for line in answer]
    except (OSError, ValueError, urllib.error.URLError) as failure:
        log.warning("logs.unreachable", url=worker.url, why=str(failure))
        return []
