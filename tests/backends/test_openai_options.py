"""The options of `OpenAIBackend`: which are refused, and that no message shows their values."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from threadless.backends.base import BaseChatBackend, build_backend
from threadless.backends.openai import OpenAIBackend

SECRET = "sk-CANARY"
URL = "https://api.example.com/v1"


@pytest.mark.parametrize("options", [{"stream_usage": "sometimes"}, {"base_url": f"{URL}/chat/completions/"}])
def test_option_that_cannot_work_is_refused(settings: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ImproperlyConfigured, match=next(iter(options))):
        build(settings, {"base_url": URL, **options})


INVALID_URLS = [
    *("", "api.example.com/v1", "ftp://api.example.com", "http://", "http:///v1", "//a/v1", "https://a\n/v1"),
    *("https://a b/v1", "https://a:x/v1", "https://a:99999/v1", "https://[::1/v1", None, 5),
    *("https://a/v1?key=CANARY", "https://a/v1?", "https://a/v1#x", "https://a:CANARY@b/v1", "https://CANARY@b/v1"),
]


@pytest.mark.parametrize("base_url", INVALID_URLS)
def test_invalid_base_url_is_one_error_without_the_value(settings: Any, base_url: Any) -> None:
    options = {"base_url": base_url, "api_key": SECRET}
    with pytest.raises(ImproperlyConfigured, match="base_url") as caught:
        build(settings, options)
    assert "CANARY" not in str(caught.value)


def build(settings: Any, options: dict[str, Any]) -> BaseChatBackend:
    """The backend that a host's settings describe."""
    path = "threadless.backends.openai.OpenAIBackend"
    settings.THREADLESS = {**settings.THREADLESS, "BACKENDS": {"default": {"BACKEND": path, "OPTIONS": options}}}
    return build_backend("default")


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": "sk-CANARY\nX-Other: 1"},
        {"api_key": "sk-CANARY-é\u2028"},
        {"api_key": b"sk-CANARY"},
        {"api_key": SECRET, "headers": {"X-Name": "CANARY\r\nX-Other: 1"}},
        {"api_key": SECRET, "headers": {"X-Name": "CANARY\0"}},
        {"api_key": SECRET, "headers": {"X Name": "CANARY"}},
        {"api_key": SECRET, "headers": {"X-Name": 5}},
        {"api_key": SECRET, "headers": ["CANARY"]},
        {"api_key": SECRET, "headers": {"X-Name": "\u2028CANARY"}},
        {"api_key": SECRET, "unknown": "CANARY"},
    ],
)
def test_invalid_option_is_an_error_without_the_value(settings: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        build(settings, {"base_url": URL, **options})
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "is_warned"),
    [
        ("http://api.example.com/v1", True),
        ("http://8.8.8.8/v1", True),
        ("http://[2001:4860:4860::8888]/v1", True),
        ("https://api.example.com/v1", False),
        ("http://127.0.0.1:8000/v1", False),
        ("http://[::1]/v1", False),
        ("http://localhost/v1", False),
        ("http://10.1.2.3/v1", False),
        ("http://ollama:11434/v1", False),
        ("http://llm.internal/v1", False),
    ],
)
def test_unencrypted_way_to_another_network_is_warned_of(base_url: str, is_warned: bool) -> None:
    messages = OpenAIBackend(base_url=base_url, api_key=SECRET, alias="default").check()
    assert [message.id for message in messages] == ["threadless.W030"] * is_warned
    assert SECRET not in str(messages)
