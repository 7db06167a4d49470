"""`OpenAIBackend`: any upstream that speaks the OpenAI chat completions API, over one pooled `requests` session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import requests
from django.core.checks import CheckMessage, Error
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse

from threadless.backends.base import BaseChatBackend, payload_of
from threadless.backends.connections import pool_classes
from threadless.backends.convert import chunks_of
from threadless.backends.failures import Redactor, failure_in_answer, failure_of
from threadless.backends.sse import Event, SSEDecoder
from threadless.backends.transport import RETRIES, Transport
from threadless.conf import conf
from threadless.exceptions import APIError, UpstreamError
from threadless.types import Caller, ChatRequest, Chunk, Completion, JSONObject, Target

_MAX_ERROR_BYTES: Final = 1024 * 1024

_decode = msgspec.json.Decoder().decode
_decode_options = msgspec.json.Decoder(dict[str, msgspec.Raw] | None).decode


class OpenAIBackend(BaseChatBackend):
    """One upstream. Options: `base_url` (up to and with `/v1`) and `api_key`; time-outs in seconds, by default those
    of the settings; `pool_maxsize`, at least the number of calls at once (connections beyond it are thrown away);
    `trust_env` to honour `HTTPS_PROXY` and `REQUESTS_CA_BUNDLE`; `headers` to add to each request.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str = "",
        headers: dict[str, str] | None = None,
        connect_seconds: float | None = None,
        first_byte_seconds: float | None = None,
        between_chunks_seconds: float | None = None,
        pool_maxsize: int = 1000,
        trust_env: bool = False,
        alias: str = "",
    ) -> None:
        super().__init__(alias=alias)
        self.base_url = base_url
        self._redact = Redactor(base_url, api_key, (headers or {}).values())
        between = between_chunks_seconds or conf.between_chunks_seconds
        self._session = _session(between, pool_maxsize, trust_env=trust_env)
        pool, request, path = _address(self._session, base_url, api_key, headers or {})
        self._transport = Transport(
            pool,
            path,
            request.headers,
            connect_seconds=connect_seconds or conf.connect_seconds,
            first_byte_seconds=first_byte_seconds or conf.first_byte_seconds,
            between_chunks_seconds=between,
        )

    def check(self) -> list[CheckMessage]:
        parts = urlsplit(self.base_url)
        if parts.scheme in ("http", "https") and parts.hostname:
            return []
        return [Error(f"Backend {self.alias!r}: base_url is no HTTP address.", id="threadless.E030")]

    def payload(self, request: ChatRequest, target: Target, caller: Caller, **fields: Any) -> dict[str, msgspec.Raw]:
        """The JSON object to send. A host's own LLM path overrides this to add its rules."""
        return payload_of(request, target, **fields)

    def complete(self, request: ChatRequest, target: Target, caller: Caller) -> Completion:
        payload = self.payload(request, target, caller)
        if request.get("stream"):
            payload["stream"] = msgspec.Raw(b"false")
        with self._answer(payload, request.request_id) as response:
            return Completion(body=self._object(b"".join(self._transport.segments(response))))

    def stream(self, request: ChatRequest, target: Target, caller: Caller) -> Iterator[Chunk]:
        options = _decode_options(request.fields.get("stream_options", b"null")) or {}
        asked = {"stream": True, "stream_options": {**options, "include_usage": True}}
        payload = self.payload(request, target, caller, **asked)
        with self._answer(payload, request.request_id) as response:
            if "application/json" in response.headers.get("Content-Type", ""):
                yield from chunks_of(self._object(b"".join(self._transport.segments(response))))
                return
            yield from self._chunks(response)

    def _chunks(self, response: BaseHTTPResponse) -> Iterator[Chunk]:
        ending = _Ending()
        for event in _events(self._transport.segments(response)):
            if event.data.startswith(b"[DONE]"):
                self._transport.drain(response)
                return
            chunk = self._chunk(event)
            ending.see(chunk)
            yield chunk
        if not ending.is_whole:
            raise UpstreamError("The model's answer broke off.")

    def _chunk(self, event: Event) -> Chunk:
        chunk = self._object(event.data)
        if event.name == b"error":
            raise failure_in_answer(chunk, self._redact)
        return chunk

    def _object(self, body: bytes) -> JSONObject:
        """The decoded JSON object; raises what an `error` in it means."""
        try:
            decoded = _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UpstreamError("The model's answer was not valid JSON.") from None
        if not isinstance(decoded, dict):
            raise UpstreamError("The model's answer was not a JSON object.")
        if decoded.get("error"):
            raise failure_in_answer(decoded["error"], self._redact)
        return decoded

    @contextmanager
    def _answer(self, payload: dict[str, msgspec.Raw], request_id: str) -> Iterator[BaseHTTPResponse]:
        """The upstream's successful response, read within the block and let go of after it."""
        with self._transport.post(msgspec.json.encode(payload), request_id) as response:
            if response.status != requests.codes.ok:
                raise self._failure(response)
            yield response

    def _failure(self, response: BaseHTTPResponse) -> APIError:
        body = response.read(_MAX_ERROR_BYTES, decode_content=True)
        return failure_of(response.status, body, response.headers, self._redact)


class _Ending:
    """Tells a stream that ended without `[DONE]` from one that was cut: each choice must have given its reason."""

    def __init__(self) -> None:
        self._going: set[int] = set()
        self.is_whole = False

    def see(self, chunk: Chunk) -> None:
        given = chunk.get("choices")
        for choice in given if isinstance(given, list) else ():
            if not isinstance(choice, dict):
                continue
            index = choice.get("index")
            place = index if isinstance(index, int) else 0
            (self._going.discard if choice.get("finish_reason") else self._going.add)(place)
            self.is_whole = not self._going


def _events(segments: Iterator[bytes]) -> Iterator[Event]:
    decoder = SSEDecoder()
    for segment in segments:
        yield from decoder.feed(segment)
    yield from decoder.flush()


class _Adapter(HTTPAdapter):
    """An adapter whose connections can be stopped, to the upstream itself and through a proxy."""

    def __init__(self, between_chunks_seconds: float, **kwargs: Any) -> None:
        self._pool_classes = pool_classes(between_chunks_seconds)
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pool_classes
        return manager


def _session(between_chunks_seconds: float, pool_maxsize: int, *, trust_env: bool) -> requests.Session:
    session = requests.Session()
    session.trust_env = trust_env
    adapter = _Adapter(between_chunks_seconds, pool_maxsize=pool_maxsize, max_retries=RETRIES)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _address(
    session: requests.Session, base_url: str, api_key: str, headers: dict[str, str]
) -> tuple[Any, requests.PreparedRequest, str]:
    """The session's connection pool for the upstream, the request that each call repeats, and its path there."""
    authorization = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    fixed = {
        "Accept": "application/json, text/event-stream",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "User-Agent": "threadless",
    }
    url = base_url.rstrip("/") + "/chat/completions"
    request = requests.Request("POST", url, headers={**fixed, **authorization, **headers}).prepare()
    del request.headers["Content-Length"]  # that of an empty body; each call has its own
    environment: Any = session.merge_environment_settings(url, {}, True, None, None)
    proxies, verify, cert = environment["proxies"], environment["verify"], environment["cert"]
    adapter: Any = session.get_adapter(url)
    pool = adapter.get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
    adapter.cert_verify(pool, request.url, verify, cert)
    return pool, request, adapter.request_url(request, proxies)
