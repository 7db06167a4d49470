"""`OpenAIBackend`: any upstream that speaks the OpenAI chat completions API, over one pooled `requests` session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import requests
from django.core.checks import CheckMessage, Error
from requests.adapters import HTTPAdapter

from threadless.backends.base import BaseChatBackend, payload_of
from threadless.backends.convert import chunks_of
from threadless.backends.failures import Redactor, failure_in_answer, failure_of
from threadless.backends.upstream.connections import POOL_CLASSES, Connections
from threadless.backends.upstream.response import Response, Transport
from threadless.backends.upstream.sse import Event, SSEDecoder
from threadless.conf import conf
from threadless.exceptions import UpstreamError
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
        self._session = _session(trust_env=trust_env)
        pool, request, path = _address(self._session, base_url, api_key, headers or {})
        connections = Connections(pool, connect_seconds=connect_seconds or conf.connect_seconds, most_idle=pool_maxsize)
        self._transport = Transport(
            connections,
            path,
            request.headers if connections.has_tunnel else {**request.headers, **pool.proxy_headers},
            first_byte_seconds=first_byte_seconds or conf.first_byte_seconds,
            between_chunks_seconds=between_chunks_seconds or conf.between_chunks_seconds,
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
        self.validate_request(request, target)
        payload = self.payload(request, target, caller)
        if request.get("stream"):
            payload["stream"] = msgspec.Raw(b"false")
        with self._post(payload, request) as response:
            self._check(response)
            return Completion(body=self._object(response.read()))

    def stream(self, request: ChatRequest, target: Target, caller: Caller) -> Iterator[Chunk]:
        self.validate_request(request, target)
        options = _decode_options(request.fields.get("stream_options", b"null")) or {}
        asked = {"stream": True, "stream_options": {**options, "include_usage": True}}
        payload = self.payload(request, target, caller, **asked)
        with self._post(payload, request) as response:
            self._check(response)
            if "application/json" in response.headers.get("content-type", ""):
                yield from chunks_of(self._object(response.read()))
                return
            yield from self._chunks(response)

    def _chunks(self, response: Response) -> Iterator[Chunk]:
        ending = _Ending()
        for event in _events(response.segments()):
            if event.data.startswith(b"[DONE]"):
                response.drain()
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

    def _post(self, payload: dict[str, msgspec.Raw], request: ChatRequest) -> Response:
        return self._transport.post(msgspec.json.encode(payload), request.request_id)

    def _check(self, response: Response) -> None:
        if response.status != requests.codes.ok:
            raise failure_of(response.status, response.read(_MAX_ERROR_BYTES), response.headers, self._redact)


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

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = POOL_CLASSES
        return manager


def _session(*, trust_env: bool) -> requests.Session:
    session = requests.Session()
    session.trust_env = trust_env
    session.mount("http://", _Adapter())
    session.mount("https://", _Adapter())
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
    request.headers.setdefault("Host", urlsplit(str(request.url)).netloc.rpartition("@")[2])
    environment: Any = session.merge_environment_settings(url, {}, True, None, None)
    proxies, verify, cert = environment["proxies"], environment["verify"], environment["cert"]
    adapter: Any = session.get_adapter(url)
    pool = adapter.get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
    adapter.cert_verify(pool, request.url, verify, cert)
    return pool, request, adapter.request_url(request, proxies)
