"""Logs: JSON lines on standard output, with allow-listed fields only, so that no patient data can slip in with a new call.

What is not on the list is dropped and its name is counted in `dropped`; exceptions are logged by type and place, without their
message, which may quote a row.
"""

import logging
import sys
import time
import traceback
from typing import Any, Final

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, WrappedLogger

from libs.common.telemetry import trace_id_of

ALLOWED: Final = frozenset(
    {
        "event", "level", "timestamp", "service", "logger", "trace_id", "span_id", "exception", "dropped",
        "address", "attempt", "batch", "bytes", "claims", "code", "count", "duration_ms", "error", "group", "interchange_id", "job",
        "method", "offset", "partition", "port", "reason", "reasons", "records", "relay", "route", "seconds", "signal", "state",
        "status", "topic", "version",
    }
)  # fmt: skip


# A broker that is away has aiokafka say so for each partition and attempt, hundreds of times a second.
_SAME_SECONDS: Final = 5.0


def set_up(service: str, level: str) -> None:
    """Send structlog's and the standard library's logs through the same pipe."""
    structlog.configure(
        processors=[*fields(service), structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping().get(level.upper(), logging.INFO)),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)


def fields(service: str) -> list[structlog.typing.Processor]:
    """Return what makes of a call the fields of its line."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_service(service),
        _add_trace,
        _exception_without_message,
        _allow_listed,
    ]


def note_trace(traceparent: str) -> None:
    """Have the lines of this task bear a trace's id, also where no span is recorded."""
    structlog.contextvars.bind_contextvars(trace_id=trace_id_of(traceparent))


class _Forward(logging.Handler):
    """Hands the standard library's records on: their logger's name and the type of their exception, not their text.

    What is said again within `_SAME_SECONDS`, of whatever it is said, is counted: the next line's `count`, itself included.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, int], tuple[float, int]] = {}  # by place in the code: when a line was written, left out since

    def emit(self, record: logging.LogRecord) -> None:
        left_out = 0
        if not record.exc_info:  # each exception is news
            place, now = (record.pathname, record.lineno), time.monotonic()
            written_at, left_out = self._said.get(place, (-_SAME_SECONDS, 0))
            if now - written_at < _SAME_SECONDS:
                self._said[place] = (written_at, left_out + 1)
                return
            self._said[place] = (now, 0)
        fields: dict[str, Any] = {"logger": record.name}
        if left_out:
            fields["count"] = left_out + 1
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        if record.name.startswith(("uvicorn", "asyncio", "aiokafka")):
            # These libraries speak of connections and coroutines, never of requests' contents.
            fields["reason"] = record.getMessage()[:300]
        structlog.get_logger().log(record.levelno, "library_log", **fields)


def _add_service(service: str) -> structlog.typing.Processor:
    def add(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return add


def _add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event


def _exception_without_message(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    if isinstance(found, BaseException):
        found = (type(found), found, found.__traceback__)
    if isinstance(found, tuple) and found[0] is not None:
        frames = traceback.extract_tb(found[2])
        places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
        event["exception"] = {"type": found[0].__name__, "places": places}
    return event


def _allow_listed(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    dropped = sorted(set(event) - ALLOWED)
    for name in dropped:
        del event[name]
    if dropped:
        event["dropped"] = dropped
    return event
