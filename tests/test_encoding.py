"""Values that Django produces are encoded as JSON, in each place where a value of the host becomes JSON."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from django.db.models import TextChoices
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy, override

from tests.support.fixtures import Configure, IssueKey
from threadless.backends.base import BaseChatBackend, payload_of
from threadless.backends.function import FunctionBackend
from threadless.encoding import encode
from threadless.testing import CompletionClient, read_events
from threadless.types import Caller, ChatRequest, Chunk, Completion, Target


class Tone(TextChoices):
    """A field's choices."""

    WARM = "warm", "Warm"


class Level(int):
    """A number of a host's own type."""


class Share(float):
    """Another."""


MOMENT = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC)
NUMBER = uuid.UUID("12345678-1234-5678-1234-567812345678")
VALUES: dict[str, tuple[Any, str]] = {
    "SafeString": (mark_safe("<b>"), '"<b>"'),
    "lazy text": (gettext_lazy("Delete"), '"Delete"'),
    "lazy object": (SimpleLazyObject(lambda: mark_safe("x")), '"x"'),
    "choice": (Tone.WARM, '"warm"'),
    "Decimal": (Decimal("0.70"), "0.70"),
    "large Decimal": (Decimal("12345678901234567890.5"), "12345678901234567890.5"),
    "UUID": (NUMBER, f'"{NUMBER}"'),
    "date": (MOMENT.date(), '"2026-05-04"'),
    "datetime": (MOMENT, '"2026-05-04T03:02:01Z"'),
    "naive datetime": (MOMENT.replace(tzinfo=None), '"2026-05-04T03:02:01"'),
    "time": (MOMENT.time(), '"03:02:01"'),
    "int": (Level(3), "3"),
    "float": (Share(0.5), "0.5"),
    "mapping": (MappingProxyType({"a": mark_safe("b")}), '{"a":"b"}'),
    "tuple": ((1, mark_safe("b")), '[1,"b"]'),
    "keys of a dict": ({"b": 1}.keys(), '["b"]'),
    "SafeString as a key": ({mark_safe("a"): 1}, '{"a":1}'),
    "lazy text as a key": ({gettext_lazy("Delete"): 1}, '{"Delete":1}'),
}
each_value = pytest.mark.parametrize(("value", "text"), VALUES.values(), ids=VALUES)
ANYONE = Caller(user_id=None)


@each_value
def test_value_is_encoded(value: Any, text: str) -> None:
    assert encode(value) == text.encode()


def test_lazy_text_is_translated_when_it_is_encoded() -> None:
    with override("de"):
        assert encode(gettext_lazy("Delete")) == '"Löschen"'.encode()


def test_value_that_json_cannot_express_is_an_error() -> None:
    with pytest.raises(TypeError, match="'object' cannot be sent"):
        encode({"a": object()})


# What goes to a backend


@each_value
def test_parameter_and_tool_of_a_target_are_encoded(value: Any, text: str) -> None:
    target = Target(id="agent", model="m", parameters={"x": value}, tools=[{"type": "x", "x": value}])
    payload = payload_of(ChatRequest.build(messages=[]), target)
    assert bytes(payload["x"]) == text.encode()
    assert bytes(payload["tools"]) == f'[{{"type":"x","x":{text}}}]'.encode()


@each_value
def test_field_of_a_request_that_the_host_builds_is_encoded(value: Any, text: str) -> None:
    assert bytes(ChatRequest.build(x=value).fields["x"]) == text.encode()


@pytest.mark.parametrize("text", [mark_safe("Delete"), gettext_lazy("Delete")])
def test_instructions_of_a_target_are_encoded(text: Any) -> None:
    target = Target(id="agent", model=mark_safe("m"), instructions=text)
    payload = payload_of(ChatRequest.build(messages=[]), target)
    assert json.loads(bytes(payload["messages"])) == [{"role": "system", "content": "Delete"}]
    assert bytes(payload["model"]) == b'"m"'


# What comes from a backend


def stream_of(part: Any) -> Callable[..., Iterator[Any]]:
    """A function of a host that yields one part."""
    return lambda payload, caller: iter([part])


@pytest.mark.parametrize("text", [mark_safe("Delete"), gettext_lazy("Delete"), SimpleLazyObject(lambda: "Delete")])
@pytest.mark.parametrize("make", [lambda text: lambda *_: text, stream_of], ids=["returned", "yielded"])
def test_text_of_a_function_is_one_piece(make: Callable[..., Any], text: Any) -> None:
    backend = FunctionBackend(function=make(text))
    request, target = ChatRequest.build(messages=[]), Target(id="small", model="m")
    answer = backend.complete(request, target, ANYONE).body
    chunks = list(backend.stream(request, target, ANYONE))
    assert answer["choices"][0]["message"]["content"] == "Delete"
    assert [c for chunk in chunks for c in [chunk["choices"][0]["delta"].get("content")] if c] == ["Delete"]


@pytest.mark.parametrize("text", [mark_safe("Delete"), gettext_lazy("Delete")])
def test_chunk_of_a_function_is_plain_for_our_own_code(text: Any) -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": text}}], "x": Decimal("0.5")}
    backend = FunctionBackend(function=stream_of(chunk))
    first = next(iter(backend.stream(ChatRequest.build(messages=[]), Target(id="small", model="m"), ANYONE)))
    assert type(first["choices"][0]["delta"]["content"]) is str
    assert first["x"] == 0.5


class HostBackend(BaseChatBackend):
    """A backend of a host, which adds its own field to each answer."""

    value: Any = None

    def complete(self, request: ChatRequest, target: Target, caller: Caller) -> Completion:
        return Completion(body=Completion.from_text(mark_safe("Hi")).body | {"x": self.value})

    def stream(self, request: ChatRequest, target: Target, caller: Caller) -> Iterator[Chunk]:
        yield {"choices": [{"index": 0, "delta": {"content": mark_safe("Hi")}}], "x": self.value}


@pytest.fixture
def api(issue_key: IssueKey, configure: Configure) -> CompletionClient:
    """A client of a host with this backend."""
    configure(BACKENDS={"default": {"BACKEND": f"{__name__}.{HostBackend.__name__}"}})
    return CompletionClient(issue_key()[1])


@each_value
@pytest.mark.django_db(transaction=True)
def test_answer_and_stream_of_a_hosts_backend_are_encoded(
    api: CompletionClient, monkeypatch: pytest.MonkeyPatch, value: Any, text: str
) -> None:
    monkeypatch.setattr(HostBackend, "value", value)
    answer = api.complete("small", "Hello").json()
    events = read_events(api.complete("small", "Hello", stream=True))
    assert answer["choices"][0]["message"]["content"] == events.text == "Hi"
    assert answer["x"] == events.chunks[0]["x"] == json.loads(text)


def test_names_of_models_may_be_lazy(issue_key: IssueKey, configure: Configure) -> None:
    configure(MODELS={"small": {"model": "m", "name": gettext_lazy("Delete"), "description": mark_safe("<i>")}})
    model = CompletionClient(issue_key()[1]).get("/api/v1/models/small").json()
    assert (model["name"], model["description"]) == ("Delete", "<i>")
