"""One line per thing that happened, with its facts; JSON for machines, plain for people.

Role: the log of our own processes, on stderr.  The log of units is worker/logs.py.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TextIO

import structlog


def setup(*, verbose: bool = False, stream: TextIO | None = None) -> None:
    """Log to *stream* (stderr): plain text on a terminal, else JSON, unless COORDINATOR_LOG_FORMAT says which."""
    stream = sys.stderr if stream is None else stream
    assert stream is not None, "a process without stderr has nowhere to log to"
    wanted = os.environ.get("COORDINATOR_LOG_FORMAT") or ("plain" if stream.isatty() else "json")
    renderer = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty())
        if wanted == "plain"
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if verbose else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )


get_logger = structlog.get_logger
