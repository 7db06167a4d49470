"""A span for each call, by the GenAI conventions of OpenTelemetry. Needs `opentelemetry-api`.

Call `install()` in `ready()` of an `AppConfig`. A span never holds message text or keys. It begins when the row of the
call is opened, in the span of the request if there is one, and ends when the row is final.
"""

from __future__ import annotations

from typing import Any, Final

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider, get_tracer

from threadless.signals import call_opened, call_settled
from threadless.types import JSONObject
from threadless.usage.base import Opening, Outcome

_ID: Final = "threadless.contrib.opentelemetry"


def install(tracer_provider: TracerProvider | None = None) -> None:
    """Begin to make spans, with the global provider or another one. A second call replaces the first."""
    uninstall()
    spans = _Spans(tracer_provider)
    call_opened.connect(spans.begin, weak=False, dispatch_uid=_ID)
    call_settled.connect(spans.end, weak=False, dispatch_uid=_ID)


def uninstall() -> None:
    """Make no more spans."""
    call_opened.disconnect(dispatch_uid=_ID)
    call_settled.disconnect(dispatch_uid=_ID)


class _Spans:
    """The spans of the calls that are running in this process."""

    def __init__(self, tracer_provider: TracerProvider | None) -> None:
        self._provider = tracer_provider
        self._running: dict[str, Span] = {}

    def begin(self, *, opening: Opening, **kwargs: Any) -> None:
        """The call has its row. This runs in the thread of the request, whose span becomes the parent."""
        tracer = get_tracer("threadless", tracer_provider=self._provider)
        name = f"{opening.operation} {opening.target.id}"
        self._running[opening.request_id] = tracer.start_span(name, kind=SpanKind.CLIENT, attributes=_asked(opening))

    def end(self, *, opening: Opening, outcome: Outcome, **kwargs: Any) -> None:
        """The row is final."""
        span = self._running.pop(opening.request_id, None)
        if span is None:
            return
        span.set_attributes(_answered(outcome))
        if outcome.failure is not None:
            span.set_status(Status(StatusCode.ERROR))
        span.end()


def _asked(opening: Opening) -> JSONObject:
    return {
        "gen_ai.operation.name": opening.operation,
        "gen_ai.provider.name": opening.target.backend,
        "gen_ai.request.model": opening.target.id,
        "threadless.request_id": opening.request_id,
        "threadless.stream": opening.is_stream,
    }


def _answered(outcome: Outcome) -> JSONObject:
    attributes: JSONObject = {"threadless.state": outcome.state}
    if outcome.usage is not None:
        attributes |= {
            "gen_ai.usage.input_tokens": outcome.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": outcome.usage.completion_tokens,
            "gen_ai.usage.cache_read.input_tokens": outcome.usage.cached_tokens,
            "gen_ai.usage.reasoning.output_tokens": outcome.usage.reasoning_tokens,
        }
    if outcome.upstream_model:
        attributes["gen_ai.response.model"] = outcome.upstream_model
    if outcome.finish_reason:
        attributes["gen_ai.response.finish_reasons"] = [outcome.finish_reason]
    if outcome.failure is not None:
        attributes["error.type"] = outcome.error_code or type(outcome.failure).__name__
    return attributes
