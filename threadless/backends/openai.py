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
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError
from urllib3.util import Retry

from threadless.backends import lifetime
from threadless.backends.base import BaseChatBackend, payload_of
from threadless.backends.connections import pool_classes
from threadless.backends.convert import chunks_of
from threadless.backends.failures import Redactor, failure_in_answer, failure_of
from threadless.backends.sse import Event, SSEDecoder
from threadless.conf import conf
from threadless.exceptions import APIError, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from threadless.types import Caller, ChatRequest, Chunk, Completion, JSONObject, Target

_SEGMENT_BYTES: Final = 65536
_DRAIN_SECONDS: Final = 0.2
"""How long the end of a body is waited for after `[DONE]`, so that the connection can be used again."""
_MAX_ERROR_BYTES: Final = 1024 * 1024
_NO_RETRIES: Final = Retry(total=None, connect=1, read=0, redirect=0, status=0, other=0, allowed_methods=None)
"""Only a failed connect was provably not sent."""

_decode = msgspec.json.Decoder().decode


class OpenAIBackend(BaseChatBackend):
    """One upstream. Options: `base_url` (up to and with `/v1`) and `api_key`; time-outs in seconds, by default those
    of the settings; `pool_maxsize`, at least the number of calls at once (connections beyond it are thrown away);
    `trust_env` to honour `HTTPS_PROXY`, `REQUESTS_CA_BUNDLE` and `.netrc`; `headers` to add to each request.
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
        self.connect_seconds = connect_seconds or conf.connect_seconds
        self.first_byte_seconds = first_byte_seconds or conf.first_byte_seconds
        self.between_chunks_seconds = between_chunks_seconds or conf.between_chunks_seconds
        self._redact = Redactor(base_url, api_key)
        self._session = _session(self.between_chunks_seconds, pool_maxsize, trust_env=trust_env)
        self._template = _template(base_url, api_key, headers or {})
        self._environment = self._session.merge_environment_settings(self._template.url, {}, True, None, None)

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
            return Completion(body=self._object(b"".join(self._segments(response))))

    def stream(self, request: ChatRequest, target: Target, caller: Caller) -> Iterator[Chunk]:
        options = request.get("stream_options") or {}
        asked = {"stream": True, "stream_options": {**options, "include_usage": True}}
        payload = self.payload(request, target, caller, **asked)
        with self._answer(payload, request.request_id) as response:
            if "application/json" in response.headers.get("Content-Type", ""):
                yield from chunks_of(self._object(b"".join(self._segments(response))))
                return
            yield from self._chunks(response)

    def _chunks(self, response: requests.Response) -> Iterator[Chunk]:
        ending = _Ending()
        for event in _events(self._segments(response)):
            if event.data.startswith(b"[DONE]"):
                self._drain(response)
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
    def _answer(self, payload: dict[str, msgspec.Raw], request_id: str) -> Iterator[requests.Response]:
        """The upstream's successful response, read within the block and let go of after it."""
        with _translated():
            response = self._send(msgspec.json.encode(payload), request_id)
            try:
                if response.status_code != requests.codes.ok:
                    raise self._failure(response)
                yield response
            finally:
                response.close()

    def _send(self, body: bytes, request_id: str) -> requests.Response:
        prepared = self._template.copy()
        prepared.body = body
        prepared.headers["Content-Length"] = str(len(body))
        if request_id:
            prepared.headers["X-Request-Id"] = request_id
        life = lifetime.current()
        first_byte = min(self.first_byte_seconds, life.remaining) if life else self.first_byte_seconds
        timeout = (self.connect_seconds, first_byte)
        return self._session.send(prepared, timeout=timeout, allow_redirects=False, **self._environment)

    def _segments(self, response: requests.Response) -> Iterator[bytes]:
        """The body as it arrives, never gathered."""
        life = lifetime.current()
        read = response.raw.read1
        while segment := read(_SEGMENT_BYTES, decode_content=True):
            yield segment
            if life is not None:
                life.check()
                if life.sock is not None and life.remaining < self.between_chunks_seconds:
                    life.sock.settimeout(life.remaining)

    def _drain(self, response: requests.Response) -> None:
        life = lifetime.current()
        if life is not None and life.sock is not None:
            life.sock.settimeout(_DRAIN_SECONDS)
            try:
                response.raw.read1(_SEGMENT_BYTES)
            except (HTTPError, OSError, ValueError):
                return  # the answer is whole: what the connection does now concerns nobody

    def _failure(self, response: requests.Response) -> APIError:
        body = response.raw.read(_MAX_ERROR_BYTES, decode_content=True)
        return failure_of(response.status_code, body, response.headers, self._redact)


class _Ending:
    """Tells a stream that ended without `[DONE]` from one that was cut: each choice must have given its reason."""

    def __init__(self) -> None:
        self._going: set[int] = set()
        self.is_whole = False

    def see(self, chunk: Chunk) -> None:
        for choice in chunk.get("choices") or ():
            if choice.get("finish_reason"):
                self._going.discard(choice.get("index") or 0)
            else:
                self._going.add(choice.get("index") or 0)
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
    adapter = _Adapter(between_chunks_seconds, pool_maxsize=pool_maxsize, max_retries=_NO_RETRIES)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _template(base_url: str, api_key: str, headers: dict[str, str]) -> requests.PreparedRequest:
    """The request that each call copies: preparing one costs more than sending it."""
    authorization = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    fixed = {
        "Accept": "application/json, text/event-stream",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "User-Agent": "threadless",
    }
    url = base_url.rstrip("/") + "/chat/completions"
    return requests.Request("POST", url, headers={**fixed, **authorization, **headers}).prepare()


@contextmanager
def _translated() -> Iterator[None]:
    """Transport failures as `APIError`s, without the addresses that their texts hold."""
    try:
        yield
    except (requests.ReadTimeout, ReadTimeoutError, TimeoutError):
        raise UpstreamTimeout("The model took too long to answer.") from None
    except requests.ConnectionError as error:
        if error.args and isinstance(error.args[0], ProtocolError):  # connected, then cut: it may have been sent
            raise UpstreamError("The connection to the model broke.") from None
        raise UpstreamUnavailable("The model could not be reached.") from None
    except (requests.RequestException, HTTPError, OSError):
        raise UpstreamError("The connection to the model broke.") from None
