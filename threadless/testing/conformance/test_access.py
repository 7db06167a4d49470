"""Keys, scopes and visibility."""

from __future__ import annotations

import pytest

from threadless.testing.conformance.installation import Answer, Installation

_UNKNOWN = "no-such-model-4f1d"


def test_call_without_a_key_is_refused(installation: Installation) -> None:
    answer = installation.ask(key="")
    assert (answer.status, answer.error["type"]) == (401, "authentication_error")
    assert "WWW-Authenticate" in answer.headers


def test_unknown_key_is_refused_and_not_repeated(installation: Installation) -> None:
    key = installation.key[:-6] + "000000"
    answer = installation.ask(key=key)
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    assert key.encode() not in answer.content


@pytest.mark.parametrize("path", ["models", "models/x"])
def test_models_are_not_told_without_a_key(installation: Installation, path: str) -> None:
    assert installation.get(path, key="").status == 401


def test_key_without_the_scope_is_refused_everywhere(installation: Installation) -> None:
    key = installation.scopeless_key
    if not key:
        pytest.skip("Name a key without the scope with --threadless-scopeless-key, or define threadless_scopeless_key.")
    answers = [installation.ask(key=key), installation.get("models", key=key)]
    assert [answer.status for answer in answers] == [403, 403]
    assert {answer.error["code"] for answer in answers} == {"insufficient_scope"}


def test_unknown_model_is_not_found(installation: Installation) -> None:
    answer = installation.ask(model=_UNKNOWN)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (404, "model_not_found", "model")


def test_hidden_model_gives_the_answer_of_one_that_does_not_exist(installation: Installation) -> None:
    hidden = installation.hidden_model
    if not hidden:
        pytest.skip("Name a model with --threadless-hidden-model, or define threadless_hidden_model.")
    assert hidden not in [model["id"] for model in installation.get("models").body["data"]]
    pairs = [(installation.ask(model=name), installation.get(f"models/{name}")) for name in (hidden, _UNKNOWN)]
    (found, read), (other, other_read) = pairs
    assert (found.status, read.status) == (other.status, other_read.status) == (404, 404)
    assert _text(found, hidden) == _text(other, _UNKNOWN)
    assert _text(read, hidden) == _text(other_read, _UNKNOWN)


def _text(answer: Answer, name: str) -> str:
    """The answer without the name of the model."""
    return answer.content.decode().replace(name, "…")
