"""`OpenAIBackend`: calls an upstream that implements the OpenAI chat completions API."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning

from threadless.backends.accesses import Access, AccessPool, CredentialsFunction, FindAccess
from threadless.backends.answers import AnswerReader
from threadless.backends.base import BaseChatBackend, payload_of
from threadless.backends.convert import chunks_of
from threadless.backends.failures import failure_of
from threadless.backends.payloads import REFUSED_FIELDS, added_json
from threadless.backends.upstream import (
    CallRedactor,
    InvalidOptionError,
    Limits,
    Response,
    Timeouts,
    Upstream,
    is_exposed,
    is_public,
)
from threadless.conf import conf
from threadless.encoding import encode
from threadless.exceptions import InvalidBackend, InvalidRequest
from threadless.types import Caller, ChatRequest, Chunk, Completion, Credentials, Target

_MAX_ERROR_BYTES: Final = 1024 * 1024
_OK: Final = 200
_REFUSALS: Final = frozenset({400, 422})
_NAMES_USAGE: Final = re.compile(rb"stream_?options|include_?usage", re.IGNORECASE)

_decode_options = msgspec.json.Decoder(dict[str, msgspec.Raw] | None).decode


class OpenAIBackend(BaseChatBackend):
    """One upstream.

    - `base_url`: address up to and including `/v1`, without credentials or a query string.
    - `api_key`: sent as a bearer token. `headers`: added to each request.
    - `connect_seconds`, `first_byte_seconds`, `between_chunks_seconds`, `max_answer_bytes`, `max_event_bytes`: by
      default those of the settings.
    - `max_head_bytes`: size of a response's head or trailers. `max_interim_responses`: 1xx responses before the final.
    - `pool_maxsize`: idle connections that are kept; at least the number of calls at once.
    - `trust_env`: use `HTTPS_PROXY` and `REQUESTS_CA_BUNDLE`.
    - `refused_fields`: request fields that are refused with a 400. `dropped_fields`: request fields that are not sent.
    - `stream_usage`: "always" asks for the usage of each stream, until the upstream refuses `stream_options`; then the
      stream is sent again without it, and the field is no longer sent. "never" sends no `stream_options`.
    - `credentials`: a function `(caller, target) -> Credentials`, or its dotted path, which replaces `api_key` and
      `headers`, and may replace `base_url`. Connections are pooled per credentials.
    - `allow_prompt_echo`: pass on fields of an answer that repeat the prompt, with the instructions of the target.
    """

    notes_requests = True

    def __init__(
        self,
        *,
        base_url: str = "",
        api_key: str = "",
        headers: Mapping[str, str] | None = None,
        credentials: str | CredentialsFunction | None = None,
        connect_seconds: float | None = None,
        first_byte_seconds: float | None = None,
        between_chunks_seconds: float | None = None,
        max_answer_bytes: int | None = None,
        max_event_bytes: int | None = None,
        max_head_bytes: int = 65536,
        max_interim_responses: int = 10,
        pool_maxsize: int = 1000,
        trust_env: bool = False,
        refused_fields: Collection[str] = REFUSED_FIELDS,
        dropped_fields: Collection[str] = (),
        allow_prompt_echo: bool = False,
        stream_usage: Literal["always", "never"] = "always",
        alias: str = "",
    ) -> None:
        super().__init__(alias=alias)
        self.base_url, self._allow_prompt_echo = base_url, allow_prompt_echo
        self._has_key = bool(api_key or headers or credentials)
        self._refused_fields, self._dropped_fields = frozenset(refused_fields), frozenset(dropped_fields)
        timeouts = _make_timeouts(connect_seconds, first_byte_seconds, between_chunks_seconds)
        limits = _make_limits(max_answer_bytes, max_event_bytes, max_head_bytes, max_interim_responses)
        make = partial(_make_access, alias, base_url, stream_usage, timeouts, limits, trust_env, pool_maxsize)
        self._find_access = _make_find_access(alias, make, api_key, headers or {}, credentials)

    def check(self) -> list[CheckMessage]:
        return list(_faults_of_address(self.alias, self.base_url, has_key=self._has_key)) if self.base_url else []

    def validate_request(self, request: ChatRequest, target: Target) -> None:
        super().validate_request(request, target)
        if not self._refused_fields.isdisjoint(request.fields):
            name = next(name for name in request.fields if name in self._refused_fields)
            raise InvalidRequest(f"The field {name!r} is not supported.", param=name, code="unsupported_parameter")

    def payload(self, request: ChatRequest, target: Target, caller: Caller, **fields: Any) -> dict[str, msgspec.Raw]:
        """The JSON object to send. Override it to change what is sent."""
        if self._dropped_fields and not self._dropped_fields.isdisjoint(request.fields):
            kept = {name: raw for name, raw in request.fields.items() if name not in self._dropped_fields}
            request = msgspec.structs.replace(request, fields=kept)
        return payload_of(request, target, **fields)

    def complete(self, request: ChatRequest, target: Target, caller: Caller) -> Completion:
        self.validate_request(request, target)
        payload = self.payload(request, target, caller)
        if request.get("stream"):
            payload["stream"] = msgspec.Raw(b"false")
        access = self._find_access(caller, target)
        redact = self._redactor(access, request, target, payload)
        response = access.upstream.post(encode(payload), request.request_id)
        del request, payload  # an upstream may take long, and the messages may be large
        with response:
            _check_status(response, redact)
            return Completion(body=AnswerReader(redact).answer(response.read()))

    def stream(self, request: ChatRequest, target: Target, caller: Caller) -> Iterator[Chunk]:
        self.validate_request(request, target)
        with ExitStack() as stack:
            response, redact = self._begin_stream(stack, self._find_access(caller, target), request, target, caller)
            del request  # a stream is long, and the messages may be large
            reader = AnswerReader(redact)
            if response.is_json():
                yield from chunks_of(reader.answer(response.read()))
            else:
                yield from reader.chunks(response.events())
                response.drain()

    def _begin_stream(
        self, stack: ExitStack, access: Access, request: ChatRequest, target: Target, caller: Caller
    ) -> tuple[Response, CallRedactor]:
        """Send the request, and again without `stream_options` if the upstream refuses them."""
        if access.asks_for_usage:
            with suppress(_UsageRefusedError):
                return self._send_stream(stack, access, request, target, caller, asks_for_usage=True)
        return self._send_stream(stack, access, request, target, caller, asks_for_usage=False)

    def _send_stream(
        self,
        stack: ExitStack,
        access: Access,
        request: ChatRequest,
        target: Target,
        caller: Caller,
        *,
        asks_for_usage: bool,
    ) -> tuple[Response, CallRedactor]:
        """The response, which `stack` closes, once its head has arrived and is not a refusal."""
        payload = self._stream_payload(request, target, caller, asks_for_usage=asks_for_usage)
        redact = self._redactor(access, request, target, payload)
        with ExitStack() as attempt:
            response = attempt.enter_context(access.upstream.post(encode(payload), request.request_id))
            _check_status(response, redact, may_refuse_usage=asks_for_usage)
            stack.push(attempt.pop_all())
        # Another attempt that succeeds shows that the upstream refuses the field, and not something else.
        access.asks_for_usage = asks_for_usage and access.asks_for_usage
        return response, redact

    def _stream_payload(
        self, request: ChatRequest, target: Target, caller: Caller, *, asks_for_usage: bool
    ) -> dict[str, msgspec.Raw]:
        if not asks_for_usage:
            payload = self.payload(request, target, caller, stream=True)
            payload.pop("stream_options", None)
            return payload
        options = _decode_options(request.fields.get("stream_options", b"null")) or {}
        return self.payload(request, target, caller, stream=True, stream_options={**options, "include_usage": True})

    def _redactor(
        self, access: Access, request: ChatRequest, target: Target, payload: Mapping[str, msgspec.Raw]
    ) -> CallRedactor:
        return CallRedactor(
            access.upstream.redact,
            model=target.model,
            public_model=target.id,
            added=added_json(request, payload),
            said=request.fields.get("messages", b""),
            allow_prompt_echo=self._allow_prompt_echo,
        )


def _faults_of_address(alias: str, base_url: str, *, has_key: bool) -> Iterator[CheckMessage]:
    if is_exposed(base_url):
        text = f"Backend {alias!r} sends its key and all prompts without encryption."
        hint = "Use an https:// base_url for an upstream outside of a private network."
        yield CheckWarning(text, hint=hint, id="threadless.W030")
    if not urlsplit(base_url).path.strip("/"):
        text = f"Backend {alias!r}: base_url has no path, but '/chat/completions' is added to it."
        hint = "Most upstreams need '/v1' at the end. Silence this message if yours does not."
        yield CheckWarning(text, hint=hint, id="threadless.W031")
    if is_public(base_url) and not has_key:
        text = f"Backend {alias!r} sends no key to an upstream outside of a private network."
        hint = "Set api_key. If it comes from the environment, the variable may be missing."
        yield CheckWarning(text, hint=hint, id="threadless.W032")


def _is_always(alias: str, stream_usage: str) -> bool:
    if stream_usage not in ("always", "never"):
        raise InvalidBackend(f"Backend {alias!r}: stream_usage must be 'always' or 'never'.")
    return stream_usage == "always"


def _make_find_access(
    alias: str,
    make: Callable[[Credentials], Access],
    api_key: str,
    headers: Mapping[str, str],
    credentials: str | CredentialsFunction | None,
) -> FindAccess:
    if credentials is None:
        access = make(Credentials(api_key=api_key, headers=headers))
        return lambda caller, target: access  # noqa: ARG005
    if api_key or headers:  # an address that a tenant has chosen must never receive the platform's key
        raise InvalidBackend(f"Backend {alias!r}: credentials replaces api_key and headers; remove these options.")
    return AccessPool(alias, credentials, make).find


def _make_access(
    alias: str,
    base_url: str,
    stream_usage: str,
    timeouts: Timeouts,
    limits: Limits,
    trust_env: bool,
    max_idle: int,
    given: Credentials,
) -> Access:
    asks_for_usage = _is_always(alias, stream_usage)
    account: dict[str, Any] = {"api_key": given.api_key, "headers": given.headers}
    options: dict[str, Any] = {"timeouts": timeouts, "limits": limits, "trust_env": trust_env, "max_idle": max_idle}
    upstream = _make_upstream(alias, given.base_url or base_url, **account, **options)
    return Access(upstream, asks_for_usage=asks_for_usage)


def _make_upstream(alias: str, base_url: str, **options: Any) -> Upstream:
    if isinstance(base_url, str) and base_url.rstrip("/").endswith("/chat/completions"):
        raise InvalidBackend(f"Backend {alias!r}: base_url must end before '/chat/completions', which is added to it.")
    try:
        return Upstream(base_url, **options)
    except InvalidOptionError as error:
        fault = str(error)
    # Raised outside the `except` block: otherwise a log could show the values of the first exception's frames.
    raise InvalidBackend(f"Backend {alias!r}: {fault}")


def _make_timeouts(connect: float | None, first_byte: float | None, between_chunks: float | None) -> Timeouts:
    return Timeouts(
        connect or conf.connect_seconds,
        first_byte or conf.first_byte_seconds,
        between_chunks or conf.between_chunks_seconds,
    )


def _make_limits(answer: int | None, event: int | None, head: int, interim_responses: int) -> Limits:
    return Limits(answer or conf.max_answer_bytes, event or conf.max_event_bytes, head, interim_responses)


def _check_status(response: Response, redact: CallRedactor, *, may_refuse_usage: bool = False) -> None:
    if response.status == _OK:
        return
    body = response.read_some(_MAX_ERROR_BYTES)
    if may_refuse_usage and response.status in _REFUSALS and _NAMES_USAGE.search(body):
        raise _UsageRefusedError
    raise failure_of(response.status, body, response.headers, redact)


class _UsageRefusedError(Exception):
    """The upstream may not know `stream_options`, which the client did not necessarily send."""
