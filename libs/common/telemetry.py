"""Traces: one leads from the POST to the last row that it caused, and to the post that tells a webhook of it.

Own instrumentation, because a consumer here takes batches: a batch is one span with links to what it holds (fan-in is not
parenthood), and for each trace in it one span that goes on in that trace. A relay's window is a span with links likewise. Ids
travel in `traceparent` whether or not spans are exported; export is chosen by the standard OTEL_TRACES_EXPORTER (none, console,
otlp, zipkin, or several with commas), and how many are recorded by OTEL_TRACES_SAMPLER. Into a span go ids that are ours
(`recours.claim_id`, ...), where it is about one thing; no key, no content, and of an exception its type.

Source: W3C Trace Context; OpenTelemetry semantic conventions for messaging, HTTP and databases.
"""

import os
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import Any, Final
from uuid import UUID

import msgspec
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode, TraceFlags

from libs.common.contracts.envelope import Received

_TRACES_A_BATCH_MAX = 64
_KAFKA: Final = {"messaging.system": "kafka"}
_NO_MESSAGES: Any = {"record_exception": False, "set_status_on_exception": False}  # an exception's text may quote a row
_tracer = trace.get_tracer("recours")


def set_up(service: str) -> None:
    """Export spans as the environment says; without an exporter nothing is recorded and nothing is paid."""
    named = os.environ.get("OTEL_TRACES_EXPORTER", "none").split(",")
    exporters = [exporter for name in named if (exporter := _exporter(name)) is not None]
    if not exporters:
        return
    provider = TracerProvider(resource=Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", f"recours-{service}")}))
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def _exporter(name: str) -> SpanExporter | None:
    if name == "console":
        return ConsoleSpanExporter()
    if name == "otlp":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - only where asked for

        return OTLPSpanExporter()
    if name == "zipkin":
        from opentelemetry.exporter.zipkin.json import ZipkinExporter  # noqa: PLC0415 - only where asked for

        return ZipkinExporter()
    return None


def shut_down() -> None:
    """Send what is not sent yet."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def context_of(traceparent: str | None) -> SpanContext | None:
    """Read a `traceparent`; None when there is none or it is not one."""
    parts = (traceparent or "").split("-")
    if len(parts) < 4 or (len(parts[1]), len(parts[2])) != (32, 16):  # noqa: PLR2004 - version, trace, span, flags
        return None
    try:
        context = SpanContext(int(parts[1], 16), int(parts[2], 16), is_remote=True, trace_flags=TraceFlags(int(parts[3], 16)))
    except ValueError:
        return None
    return context if context.is_valid else None


def trace_id_of(traceparent: str) -> str:
    """Return the trace that a `traceparent` of ours names."""
    return "".join(traceparent.split("-")[1:2])


def traceparent_of(span: Span) -> str:
    """Write the `traceparent` that what this span causes carries."""
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def new_traceparent() -> str:
    """Begin a trace by hand, where no span is recorded."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def ids(**named: UUID | None) -> dict[str, str]:
    """Return the attributes by which a span is found: `claim_id=...` is `recours.claim_id`."""
    return {f"recours.{name}": str(value) for name, value in named.items() if value is not None}


@contextmanager
def span(name: str, kind: SpanKind, attributes: Mapping[str, Any], traceparent: str | None = None) -> Iterator[tuple[Span, str]]:
    """Open a span, in the given trace or a new one; yields it and the `traceparent` to hand on."""
    parent = context_of(traceparent)
    context = trace.set_span_in_context(NonRecordingSpan(parent)) if parent else None
    with (
        _tracer.start_as_current_span(name, context=context, kind=kind, attributes=attributes, **_NO_MESSAGES) as opened,
        _Failing(opened),
    ):
        if opened.get_span_context().is_valid:
            yield opened, traceparent_of(opened)
        else:
            yield opened, traceparent if parent and traceparent else new_traceparent()


class _Failing:
    """Notes of what failed that it did, and the type of the exception: what samples by errors finds it."""

    def __init__(self, *spans: Span) -> None:
        self._spans = spans

    def __enter__(self) -> None:
        """Nothing is to be noted yet."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace_: TracebackType | None) -> None:
        if kind is None or not issubclass(kind, Exception):  # to be cancelled is no failure
            return
        for each in self._spans:
            each.set_status(StatusCode.ERROR, kind.__name__)
            each.set_attribute("error.type", kind.__name__)


@contextmanager
def inner(name: str, kind: SpanKind, attributes: Mapping[str, Any], links: Callable[[], Sequence[Link]] = tuple) -> Iterator[None]:
    """Open a span within the current one, where spans are recorded; elsewhere it costs nothing."""
    if not _is_recording():
        yield
        return
    with (
        _tracer.start_as_current_span(name, kind=kind, attributes=attributes, links=links(), **_NO_MESSAGES) as opened,
        _Failing(opened),
    ):
        yield


def _is_recording() -> bool:
    return isinstance(trace.get_tracer_provider(), TracerProvider)


@contextmanager
def send_span(source: str, count: int, kept_headers: Iterable[str]) -> Iterator[None]:
    """Open the span of a window that a relay sends; `kept_headers` are its rows', as JSON, and read where spans are recorded."""

    def links() -> list[Link]:
        told = (msgspec.json.decode(each).get("traceparent") for each in dict.fromkeys(kept_headers))
        contexts = (context_of(each) for each in dict.fromkeys(told))
        return [Link(each) for each in islice((each for each in contexts if each is not None), _TRACES_A_BATCH_MAX)]

    attributes = {**_KAFKA, "messaging.operation.type": "send", "messaging.batch.message_count": count}
    with inner(f"send {source}", SpanKind.PRODUCER, attributes, links):
        yield


class BatchSpan:
    """What a batch's events carry on: for each trace in it, the `traceparent` of the span that goes on in that trace."""

    def __init__(self, onward: Mapping[str, str]) -> None:
        self._onward = onward

    def carry(self, event: Received[Any]) -> Received[Any]:
        """Return the event as it hands on its trace."""
        onward = self._onward.get(event.traceparent or "")
        return msgspec.structs.replace(event, traceparent=onward) if onward else event


_NOTHING = BatchSpan({})


@contextmanager
def batch_span(group: str, events: Sequence[Received[Any]]) -> Iterator[BatchSpan]:
    """Open the spans of one consumed batch."""
    if not _is_recording():
        yield _NOTHING  # ids pass through as they came
        return
    by_trace: defaultdict[str, list[Received[Any]]] = defaultdict(list)
    for event in events:
        if event.traceparent:
            by_trace[event.traceparent].append(event)
    contexts = {text: context for text in by_trace if (context := context_of(text)) is not None}
    known = dict(islice(contexts.items(), _TRACES_A_BATCH_MAX))
    attributes: dict[str, str | int]
    attributes = {**_KAFKA, "messaging.operation.type": "process", "messaging.consumer.group.name": group}
    name = f"process {group}"
    count: dict[str, str | int] = {"messaging.batch.message_count": len(events)}
    with _tracer.start_as_current_span(
        name, kind=SpanKind.CONSUMER, links=[Link(each) for each in known.values()], attributes=attributes | count, **_NO_MESSAGES
    ) as batch:
        link = Link(batch.get_span_context())
        opened: dict[str, Span] = {}
        for text, context in known.items():
            parent = trace.set_span_in_context(NonRecordingSpan(context))
            own = attributes | _about(by_trace[text])
            opened[text] = _tracer.start_span(name, context=parent, kind=SpanKind.CONSUMER, links=[link], attributes=own)
        try:
            with _Failing(batch, *opened.values()):
                yield BatchSpan({text: traceparent_of(each) for text, each in opened.items()})
        finally:
            for each in opened.values():
                each.end()


def _about(events: Sequence[Received[Any]]) -> dict[str, Any]:
    """Return what a trace's share of a batch is about: how much it is and, where it is one event, of what."""
    counted: dict[str, Any] = {"messaging.batch.message_count": len(events)}
    if len(events) > 1:
        return counted
    data = events[0].data
    return counted | ids(**{name: getattr(data, name, None) for name in ("claim_id", "denial_id", "interchange_id")})
