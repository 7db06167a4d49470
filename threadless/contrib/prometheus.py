"""Counters and histograms of all calls for Prometheus. Needs `prometheus-client`.

Call `install()` in `ready()` of an `AppConfig`. The labels are bounded: a client or an upstream cannot add values.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from threadless.signals import call_opened, call_settled
from threadless.usage.base import Opening, Outcome

_ID: Final = "threadless.contrib.prometheus"
OTHER: Final = "other"
"""The label of models beyond the first `max_models`."""
_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 900)


def install(registry: CollectorRegistry = REGISTRY, *, max_models: int = 100) -> None:
    """Begin to count, once per registry. Only so many models have their own label; agents are one."""
    uninstall()
    metrics = _Metrics(registry, max_models)
    call_opened.connect(metrics.opened, weak=False, dispatch_uid=_ID)
    call_settled.connect(metrics.settled, weak=False, dispatch_uid=_ID)


def uninstall() -> None:
    """Count no more."""
    call_opened.disconnect(dispatch_uid=_ID)
    call_settled.disconnect(dispatch_uid=_ID)


class _Metrics:
    def __init__(self, registry: CollectorRegistry, max_models: int) -> None:
        self._max_models, self._models, self._lock = max_models, set[str](), threading.Lock()
        self._calls = Counter(
            "threadless_calls", "Calls that have ended", ["model", "state", "status"], registry=registry
        )
        self._tokens = Counter("threadless_tokens", "Tokens of calls", ["model", "kind"], registry=registry)
        self._running = Gauge(
            "threadless_running_calls", "Calls that are running", registry=registry, multiprocess_mode="livesum"
        )
        options: Any = {"registry": registry, "buckets": _SECONDS}
        self._seconds = Histogram("threadless_call_seconds", "Duration of calls", ["model", "stream"], **options)
        self._first = Histogram("threadless_first_token_seconds", "Time to the first output", ["model"], **options)

    def opened(self, **kwargs: Any) -> None:
        """A call has its row."""
        self._running.inc()

    def settled(self, *, opening: Opening, outcome: Outcome, **kwargs: Any) -> None:
        """A row is final."""
        model = self._label(opening)
        self._running.dec()
        self._calls.labels(model, outcome.state, str(outcome.http_status)).inc()
        self._seconds.labels(model, str(opening.is_stream).lower()).observe(outcome.duration_seconds)
        if outcome.first_token_seconds is not None:
            self._first.labels(model).observe(outcome.first_token_seconds)
        if outcome.usage is not None:
            self._count(model, outcome.usage)

    def _count(self, model: str, usage: Any) -> None:
        for kind in ("prompt", "completion", "cached", "reasoning"):
            self._tokens.labels(model, kind).inc(getattr(usage, f"{kind}_tokens"))

    def _label(self, opening: Opening) -> str:
        if opening.target.kind == "agent":
            return "agent"
        name = opening.target.id
        with self._lock:
            if name not in self._models and len(self._models) >= self._max_models:
                return OTHER
            self._models.add(name)
        return name
