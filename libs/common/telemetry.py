"""Traces: one leads from the POST to the last row that it caused.

Own instrumentation, because a consumer here takes batches: a batch is one span with links to what it holds (fan-in is not
parenthood), and for each trace in it one span that goes on in that trace. Ids travel in `traceparent` whether or not spans are
exported; export is chosen by the standard OTEL_TRACES_EXPORTER (none, console, otlp, zipkin). No key, no content goes into a span.

Source: W3C Trace Context; OpenTelemetry semantic conventions for messaging and HTTP.
"""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags

from libs.common.contracts.envelope import Received

_TRACES_A_BATCH_MAX = 64
_NO_MESSAGES: Any = {"record_exception": False, "set_status_on_exception": False}  # an exception's text may quote a row
_tracer = trace.get_tracer("recours")


def set_up(service: str) -> None:
    """Export spans as the environment says; without an exporter nothing is recorded and nothing is paid."""
    exporter = _exporter(os.environ.get("OTEL_TRACES_EXPORTER", "none"))
    if exporter is None:
        return
    provider = TracerProvider(resource=Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", f"recours-{service}")}))
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


def traceparent_of(span: Span) -> str:
    """Write the `traceparent` that what this span causes carries."""
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def new_traceparent() -> str:
    """Begin a trace by hand, where no span is recorded."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


@contextmanager
def span(name: str, kind: SpanKind, attributes: Mapping[str, Any], traceparent: str | None = None) -> Iterator[tuple[Span, str]]:
    """Open a span, in the given trace or a new one; yields it and the `traceparent` to hand on."""
    parent = context_of(traceparent)
    context = trace.set_span_in_context(NonRecordingSpan(parent)) if parent else None
    with _tracer.start_as_current_span(name, context=context, kind=kind, attributes=attributes, **_NO_MESSAGES) as opened:
        if opened.get_span_context().is_valid:
            yield opened, traceparent_of(opened)
        else:
            yield opened, traceparent if parent and traceparent else new_traceparent()


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
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        yield _NOTHING  # nothing is recorded: ids pass through as they came
        return
    contexts = {event.traceparent: context_of(event.traceparent) for event in events if event.traceparent}
    known = {text: context for text, context in contexts.items() if context is not None}
    attributes: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.consumer.group.name": group,
        "messaging.batch.message_count": len(events),
    }
    links = [Link(context) for context in list(known.values())[:_TRACES_A_BATCH_MAX]]
    name = f"process {group}"
    with _tracer.start_as_current_span(name, kind=SpanKind.CONSUMER, links=links, attributes=attributes, **_NO_MESSAGES) as batch:
        link = Link(batch.get_span_context())
        opened: dict[str, Span] = {}
        for text, context in list(known.items())[:_TRACES_A_BATCH_MAX]:
            parent = trace.set_span_in_context(NonRecordingSpan(context))
            own = {"messaging.system": "kafka", "messaging.consumer.group.name": group}
            opened[text] = _tracer.start_span(
                f"process {group}", context=parent, kind=SpanKind.CONSUMER, links=[link], attributes=own
            )
        try:
            yield BatchSpan({text: traceparent_of(each) for text, each in opened.items()})
        finally:
            for each in opened.values():
                each.end()
