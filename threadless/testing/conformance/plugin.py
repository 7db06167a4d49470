"""The pytest plugin: `-p threadless.testing.conformance.plugin`, with its options and fixtures.

With `--threadless-url`, the tests call that installation. Otherwise they serve the host's own project in process, with
a backend that needs no upstream; then the host defines the fixtures `threadless_key` and `threadless_model`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from threadless.testing.conformance.installation import Installation

_OPTIONS = {
    "url": "the address of the API of an installation, such as https://example.com/api/v1",
    "key": "a key that may call the model",
    "model": "the name of a model or agent that the key may use",
    "hidden-model": "the name of a model or agent that the key may not see",
    "scopeless-key": "a key without the scope that calls require",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("threadless", "conformance of a threadless installation")
    for name, meaning in _OPTIONS.items():
        group.addoption(f"--threadless-{name}", default="", help=meaning)


def _option(request: pytest.FixtureRequest, name: str) -> str:
    return str(request.config.getoption(f"--threadless-{name}", default=""))


@pytest.fixture
def threadless_key(request: pytest.FixtureRequest) -> str:
    """A key that may call the model. A host that is tested in process replaces this fixture."""
    return _option(request, "key") or pytest.skip("Name a key with --threadless-key, or define threadless_key.")


@pytest.fixture
def threadless_model(request: pytest.FixtureRequest) -> str:
    """A model that the key may use. A host that is tested in process replaces this fixture."""
    return _option(request, "model") or pytest.skip("Name a model with --threadless-model, or define threadless_model.")


@pytest.fixture
def threadless_hidden_model(request: pytest.FixtureRequest) -> str:
    """A model that exists, but not for this key. Empty: its tests are skipped."""
    return _option(request, "hidden-model")


@pytest.fixture
def threadless_scopeless_key(request: pytest.FixtureRequest) -> str:
    """A key without the scope that calls require. Empty: its tests are skipped."""
    return _option(request, "scopeless-key")


@pytest.fixture
def is_in_process(request: pytest.FixtureRequest) -> bool:
    """True if this process serves the installation, so that tests can read its tables."""
    return not _option(request, "url")


@pytest.fixture
def installation(
    request: pytest.FixtureRequest,
    threadless_key: str,
    threadless_model: str,
    threadless_hidden_model: str,
    threadless_scopeless_key: str,
) -> Iterator[Installation]:
    """The installation that is tested."""
    names = (threadless_key, threadless_model, threadless_hidden_model, threadless_scopeless_key)
    if url := _option(request, "url"):
        yield Installation(url, *names)
        return
    # Tests of a URL need neither Django's settings nor pytest-django.
    from threadless.testing.conformance.in_process import serve

    with serve() as url:
        yield Installation(url, *names)
