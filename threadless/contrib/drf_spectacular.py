"""Adds our endpoints to the OpenAPI schema that drf-spectacular makes of the host's own API.

`SPECTACULAR_SETTINGS = {"POSTPROCESSING_HOOKS": ["threadless.contrib.drf_spectacular.add_endpoints"]}`. Keep the
package's own hook, `drf_spectacular.hooks.postprocess_schema_enums`, in front of it.
"""

from __future__ import annotations

import json
from typing import Any, Final

import drf_spectacular  # noqa: F401  (this module is for hosts with the package)
from django.urls import resolve, reverse

from threadless.api.description import described
from threadless.openapi.document import SECURITY, components
from threadless.types import JSONObject

_COMPONENTS: Final = "#/components/schemas/"
_PREFIX: Final = "Threadless"
"""Our components have common names, such as `File` and `Model`."""


def add_endpoints(result: JSONObject, generator: Any, request: Any, public: bool) -> JSONObject:  # noqa: ARG001
    """A hook for `POSTPROCESSING_HOOKS`. Raises `NoReverseMatch` if `threadless.urls` is not included."""
    view: Any = resolve(reverse("threadless:openapi")).func
    operations = dict(described(view.initkwargs["endpoints"], "threadless", {}))
    ours = components(operations)
    security = {f"{_PREFIX}{name}": scheme for name, scheme in SECURITY.items()}
    schemas = {f"{_PREFIX}{name}": _converted(schema, result) for name, schema in ours["schemas"].items()}
    for path, operation in operations.items():
        body = operation.body | {"tags": ["chat completions"], "security": [{name: []} for name in security]}
        result.setdefault("paths", {}).setdefault(path, {})[operation.method] = _converted(body, result)
    theirs = result.setdefault("components", {})
    theirs.setdefault("schemas", {}).update(schemas)
    theirs.setdefault("securitySchemes", {}).update(security)
    return result


def _converted(value: JSONObject, result: JSONObject) -> Any:
    """This part with the names of our components, in the version of the host's document."""
    renamed = json.loads(json.dumps(value).replace(_COMPONENTS, _COMPONENTS + _PREFIX))
    return _as_3_0(renamed) if result["openapi"].startswith("3.0") else renamed


def _as_3_0(value: Any) -> Any:
    """OpenAPI 3.0 has neither `const` nor the type `null`: https://spec.openapis.org/oas/v3.0.3#schema-object"""
    if isinstance(value, list):
        return [_as_3_0(each) for each in value]
    if not isinstance(value, dict):
        return value
    converted = {key: _as_3_0(each) for key, each in value.items()}
    if "const" in converted:
        converted["enum"] = [converted.pop("const")]
    choices = converted.get("anyOf", [])
    if {"type": "null"} in choices:
        others = [each for each in choices if each != {"type": "null"}]
        del converted["anyOf"]
        single = len(others) == 1 and "$ref" not in others[0]
        converted |= {**(others[0] if single else {"anyOf": others}), "nullable": True}
    return converted
