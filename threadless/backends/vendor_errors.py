"""Translates exceptions of the common LLM SDKs and HTTP clients into errors for the client.

Classes are found by the name of their package and their own name, also among the base classes of an exception, so that
no SDK is imported. What clients may see of the text is decided as for our own upstreams.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from threadless.backends import vendor_answers
from threadless.backends.base import payload_of
from threadless.backends.failures import failure_in_answer, failure_of_error
from threadless.backends.payloads import added_json
from threadless.backends.upstream import CallRedactor
from threadless.backends.vendor_secrets import VendorRedactor
from threadless.completions.reading import error_of
from threadless.exceptions import APIError, Cancelled
from threadless.types import ChatRequest, Target

Rule: TypeAlias = int | Callable[[Any], "APIError | None"]
"""The HTTP status that an exception stands for, or a function that makes the client's error of it."""

_READ: Final = 0
"""The exception carries the answer of an LLM: its status and its error."""
_READ_HTTP: Final = 1
"""The exception carries an answer, perhaps of another service: the client sees a 400 only in the form of an LLM's."""
_RULES: Final[Mapping[str, int]] = {
    # SDKs that raise an exception for each unsuccessful answer
    **dict.fromkeys((f"{sdk}.APIError" for sdk in ("openai", "anthropic", "groq", "cohere", "mistralai")), _READ),
    **dict.fromkeys((f"{sdk}.APIConnectionError" for sdk in ("openai", "anthropic", "groq")), 503),
    **dict.fromkeys((f"{sdk}.APITimeoutError" for sdk in ("openai", "anthropic", "groq")), 504),
    "openai.OpenAIError": 502,
    "anthropic.AnthropicError": 502,
    # Google: google-genai (`APIError`), google-api-core, google-auth
    "google.APIError": _READ,
    "google.GoogleAPICallError": _READ,
    "google.RetryError": 504,
    "google.GoogleAuthError": 401,
    # AWS
    "botocore.ClientError": _READ,
    "botocore.ReadTimeoutError": 504,
    "botocore.ConnectTimeoutError": 504,
    "botocore.ConnectionError": 503,
    "botocore.HTTPClientError": 503,
    "botocore.NoCredentialsError": 401,
    "botocore.BotoCoreError": 502,
    # Libraries above several SDKs
    "litellm.BudgetExceededError": 429,
    "any_llm.AnyLLMError": _READ,
    "any_llm.RateLimitError": 429,
    "any_llm.ContextLengthExceededError": 400,
    "any_llm.InvalidRequestError": 400,
    "any_llm.ContentFilterError": 400,
    "any_llm.GatewayTimeoutError": 504,
    "any_llm.AuthenticationError": 401,
    "any_llm.MissingApiKeyError": 401,
    "any_llm.ModelNotFoundError": 404,
    "pydantic_ai.ModelAPIError": _READ,
    "pydantic_ai.ModelRateLimitError": 429,
    "pydantic_ai.ModelUnavailableError": 503,
    "pydantic_ai.ModelConnectionError": 503,
    "pydantic_ai.ModelTimeoutError": 504,
    "pydantic_ai.ModelRequestTimeout": 504,
    "pydantic_ai.ModelAuthenticationError": 401,
    "pydantic_ai.ModelNotFoundError": 404,
    "pydantic_ai.UnexpectedModelBehavior": 502,
    "pydantic_ai.UsageLimitExceeded": 502,
    "langchain_core.ModelRateLimitError": 429,
    "langchain_core.ModelConnectionError": 503,
    "langchain_core.ModelTimeoutError": 504,
    "langchain_core.ModelError": 502,
    "langgraph.GraphRecursionError": 502,
    # HTTP clients
    **dict.fromkeys((f"{client}.HTTPStatusError" for client in ("httpx", "httpx2")), _READ_HTTP),
    **dict.fromkeys((f"{client}.TimeoutException" for client in ("httpx", "httpx2")), 504),
    **dict.fromkeys((f"{client}.NetworkError" for client in ("httpx", "httpx2")), 503),
    **dict.fromkeys((f"{client}.HTTPError" for client in ("httpx", "httpx2")), 502),
    "requests.HTTPError": _READ_HTTP,
    "requests.Timeout": 504,
    "requests.ConnectionError": 503,
    "requests.RequestException": 502,
}
_MAX_CAUSES: Final = 5
_NOT_OF_A_VENDOR: Final = (APIError, Cancelled, ImproperlyConfigured)


class VendorErrors:
    """The table of one backend: the shipped rules, and `more` of the host, which come first.

    `more` maps a dotted path or `package.Class` to an HTTP status, or to a function (or its dotted path) that gets the
    exception and returns an `APIError`, or None to decide nothing. A rule holds for subclasses too.
    """

    def __init__(self, more: Mapping[str, int | str | Callable[[Any], APIError | None]] | None = None) -> None:
        self._rules: dict[str, Rule] = {**_RULES, **{name: _rule(name, rule) for name, rule in (more or {}).items()}}

    def failure(self, error: BaseException, redact: Callable[[Iterable[str]], CallRedactor]) -> APIError | None:
        """The client's error for an exception, or for its cause; None if neither is in the table.

        `redact` makes a redactor that also removes the secrets that it gets.
        """
        for cause in _causes_of(error):
            for name in _names_of(type(cause)):
                rule = self._rules.get(name)
                failure = None if rule is None else _apply(rule, cause, redact)
                if failure is not None:
                    failure.log_detail = f"{type(cause).__name__}: {failure.log_detail or failure.message}"
                    return failure
        return None

    @contextmanager
    def translated(self, redact: Callable[[Iterable[str]], CallRedactor]) -> Iterator[None]:
        """Raise what the table has for an exception of the block. Other exceptions leave it unchanged."""
        try:
            yield
        except _NOT_OF_A_VENDOR:
            raise
        except Exception as error:
            failure = self.failure(error, redact)
            if failure is None:
                raise
        else:
            return
        raise failure  # not in the `except` block: the exception holds the request with its key


def redactor_of(request: ChatRequest, target: Target) -> Callable[[Iterable[str]], CallRedactor]:
    """A function for `VendorErrors`: it makes a redactor of this call that also removes the secrets that it gets."""

    def make(secrets: Iterable[str]) -> CallRedactor:
        return CallRedactor(
            VendorRedactor(secrets),
            model=target.model,
            public_model=target.id,
            added=added_json(request, payload_of(request, target)),
            said=request.fields.get("messages", b""),
            allow_prompt_echo=False,
        )

    return make


def _rule(name: str, rule: Any) -> Rule:
    found = import_string(rule) if isinstance(rule, str) else rule
    is_status = isinstance(found, int) and 400 <= found < 600
    if is_status or inspect.isroutine(found) or isinstance(found, type):
        return found  # type: ignore[no-any-return]
    raise ImproperlyConfigured(f"The rule for {name!r} must be an HTTP status from 400 to 599 or a function.")


def _apply(rule: Rule, error: BaseException, redact: Callable[[Iterable[str]], CallRedactor]) -> APIError | None:
    if not isinstance(rule, int):
        return rule(error)
    answer, redactor = _read(rule, error, redact)
    if answer.status:
        return failure_of_error(answer.status, answer.error, answer.headers, redactor)
    return failure_in_answer(error_of(answer.error), redactor)


def _read(
    rule: int, error: BaseException, redact: Callable[[Iterable[str]], CallRedactor]
) -> tuple[vendor_answers.VendorAnswer, CallRedactor]:
    answer = vendor_answers.read(error)
    if rule not in (_READ, _READ_HTTP):
        answer.status = rule
    elif rule == _READ_HTTP and answer.status < 429 and not answer.is_of_llm:
        answer.status = 502
    return answer, redact(answer.secrets)


def _names_of(kind: type) -> Iterator[str]:
    """The dotted path and `package.Class` of a class and its bases, the class itself first."""
    for base in kind.__mro__:
        yield f"{base.__module__}.{base.__qualname__}"
        yield f"{base.__module__.partition('.')[0]}.{base.__name__}"


def _causes_of(error: BaseException) -> Iterator[BaseException]:
    """The exception, those that it groups or wraps, and their causes."""
    waiting, seen = [error], 0
    while waiting and seen < _MAX_CAUSES:
        found, seen = waiting.pop(0), seen + 1
        yield found
        if isinstance(found, BaseExceptionGroup):
            waiting += found.exceptions
        waiting += [cause for cause in (found.__cause__,) if cause is not None]
