"""Our endpoints in the schema that drf-spectacular makes of a host's own API."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import validate
from pytest_django import Settings

HOOK = "threadless.contrib.drf_spectacular.add_endpoints"


@pytest.fixture
def generate(settings: Settings) -> Any:
    """Makes the schema in this version."""
    generators: Any = pytest.importorskip("drf_spectacular.generators")
    spectacular_settings: Any = pytest.importorskip("drf_spectacular.settings").spectacular_settings

    def make(version: str) -> Any:
        spectacular_settings.apply_patches({"POSTPROCESSING_HOOKS": [HOOK], "OAS_VERSION": version, "TITLE": "Host"})
        return generators.SchemaGenerator().get_schema(request=None, public=True)

    yield make
    spectacular_settings.clear_patches()


@pytest.mark.parametrize("version", ["3.0.3", "3.1.1"])
def test_schema_of_the_host_has_our_endpoints_and_is_valid(generate: Any, version: str) -> None:
    schema = generate(version)
    validate(schema)
    operation = schema["paths"]["/api/v1/chat/completions"]["post"]
    assert operation["security"] == [{"ThreadlessApiKey": []}]
    assert "ThreadlessChatCompletionRequest" in schema["components"]["schemas"]
