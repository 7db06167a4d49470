"""Calls through the public address: do streams arrive piece by piece, does a cancelled call end, are rows settled?"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from threadless import resolvers
from threadless.backends import backends
from threadless.doctor.exchange import Exchange
from threadless.doctor.finding import Finding, error, fine, warning
from threadless.exceptions import APIError
from threadless.types import Caller, ChatRequest
from threadless.usage.models import UsageRecord

_SETTLE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.1
_MEASURABLE_MS: Final = 300
"""A shorter stream is too quick to tell whether something collected it."""
_PROMPT: Final = "Count from 1 to 40 in words, one number per line."

_BUFFERED: Final = (
    "The stream arrived in one piece: its first event after {first:.0f} ms, but the upstream began after {began} ms"
    " and ended after {ended} ms."
)


class Live:
    """Examines one address with one key."""

    def __init__(self, base_url: str, key: str, model: str = "") -> None:
        self._base_url, self._key, self._model = base_url, key, model

    def examine(self) -> Iterator[Finding]:
        """All live checks. They end with the first one that makes the next ones impossible."""
        try:
            finding = self._choose_model()
            yield finding
            if finding.level != "error":
                yield from self._check_stream()
        except (OSError, http.client.HTTPException) as failure:
            what = f"{self._base_url} does not answer as it should ({type(failure).__name__})."
            yield error("address", what, "Clients cannot call it.", "Check the address, the proxy and the server.")

    def _choose_model(self) -> Finding:
        with Exchange(self._base_url, self._key) as exchange:
            exchange.send("GET", "/models")
            listed = exchange.json()
        if exchange.status == 401:
            return error("key", "The key is refused.", "It is unknown, expired or revoked.", "Give another --key.")
        names = [each.get("id") for each in listed.get("data", ())] if isinstance(listed, dict) else []
        if exchange.status != 200 or not names:
            what = f"{self._base_url}/models answers with a {exchange.status} and {len(names)} models."
            return error("address", what, "It should list models.", "Check the address, the scope and MODELS.")
        self._model = self._model or names[0]
        return fine("address", f"{self._base_url} lists {len(names)} models; {self._model!r} is used.")

    def _body(self) -> dict[str, Any]:
        return {"model": self._model, "messages": [{"role": "user", "content": _PROMPT}], "stream": True}

    def _check_stream(self) -> Iterator[Finding]:
        with Exchange(self._base_url, self._key) as exchange:
            exchange.send("POST", "/chat/completions", self._body())
            if exchange.status != 200:
                yield from self._explain(exchange)
                return
            exchange.read_events()
        row = _settled_row(exchange.request_id)
        yield _check_row(exchange.request_id, row)
        yield _check_pieces(exchange, row)
        if exchange.headers.get("content-encoding", "identity") != "identity":
            what = f"The stream is compressed ({exchange.headers['content-encoding']})."
            yield warning("stream", what, "Compression collects events.", "Do not compress text/event-stream.")
        yield self._check_leaving()

    def _explain(self, exchange: Exchange) -> Iterator[Finding]:
        body = exchange.json()
        code = body["error"].get("code") if isinstance(body, dict) and isinstance(body.get("error"), dict) else None
        what = f"A stream of {self._model!r} is answered with a {exchange.status} ({code})."
        if code is None:
            why = "The answer is not ours: a proxy or a middleware has answered."
            yield error("stream", what, why, "Look into the log of the proxy.")
        elif exchange.status >= 500:
            yield error("upstream", what, _reason_of_upstream(self._model), "Check the backend's address and key.")
        else:
            yield error("stream", what, str(body["error"].get("message")), "Use another --model or --key.")

    def _check_leaving(self) -> Finding:
        with Exchange(self._base_url, self._key) as exchange:
            exchange.send("POST", "/chat/completions", self._body())
            exchange.read_events(limit=2)
        left = time.monotonic()
        row = _settled_row(exchange.request_id)
        if row is None:
            return error(
                "leaving",
                f"A call whose client left was not settled within {_SETTLE_SECONDS:.0f} s.",
                "The upstream keeps producing tokens for nobody.",
                "Do not let the proxy ignore aborted clients (proxy_ignore_client_abort). See docs/servers.md.",
            )
        if row.state != UsageRecord.State.CANCELLED:
            return fine("leaving", "The answer was complete before the client could leave, so this was not tested.")
        return fine("leaving", f"A call whose client left was settled after {time.monotonic() - left:.1f} s.")


def _settled_row(client_request_id: str) -> UsageRecord | None:
    rows = UsageRecord.objects.filter(client_request_id=client_request_id).exclude(state=UsageRecord.State.OPEN)
    return _wait_for(rows.first)


def _wait_for(read: Callable[[], UsageRecord | None]) -> UsageRecord | None:
    end = time.monotonic() + _SETTLE_SECONDS
    while (found := read()) is None and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
    return found


def _check_row(request_id: str, row: UsageRecord | None) -> Finding:
    if row is None:
        return error(
            "ledger",
            f"The call {request_id} has no settled row in the database of this process.",
            "The address leads to another installation, or its rows are not settled.",
            "Run this command with the settings of the server, and look for 'threadless.usage' in its log.",
        )
    counted = "reported by the upstream" if row.usage_source == UsageRecord.Source.UPSTREAM else "estimated"
    return fine("ledger", f"The row of the stream is {row.state}; its tokens are {counted}.")


def _check_pieces(exchange: Exchange, row: UsageRecord | None) -> Finding:
    began, ended = (row.first_token_ms or 0, row.duration_ms or 0) if row else (0, 0)
    first = 1000 * exchange.times[0] if exchange.times else 0.0
    if not exchange.times or ended - began < _MEASURABLE_MS:
        return fine("stream", f"{len(exchange.times)} events, too quickly to tell whether something collects them.")
    if first > began + (ended - began) / 2:
        what = _BUFFERED.format(first=first, began=began, ended=ended)
        why = "A proxy, a middleware or the server collects the stream. People wait for the first word until the end."
        fix = "Let the proxy respect 'X-Accel-Buffering: no' and not buffer or compress text/event-stream."
        return error("stream", what, why, fix)
    return fine("stream", f"{len(exchange.times)} events arrived one by one, the first after {first:.0f} ms.")


def _reason_of_upstream(model: str) -> str:
    """Ask the backend in this process: its error says more than a client may know."""
    try:
        caller = Caller(user_id=None)
        target = next((each for each in resolvers.targets(caller) if each.id == model), None)
        if target is None:
            return "The log of the server has the reason."
        request = ChatRequest.build(messages=[{"role": "user", "content": "Hello"}], max_tokens=1)
        backends[target.backend].complete(request, target, caller)
    except APIError as failure:
        return f"In this process: {failure.log_detail or failure.message}."
    except Exception as failure:  # noqa: BLE001 (of the host's code; its text may hold a secret)
        return f"In this process: {type(failure).__name__}."
    return "The backend answers in this process, so the server has other settings or no way to the upstream."
