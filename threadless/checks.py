"""System checks: a mistake in the settings is told at start, with the name of the setting and a stable id.

The first round judges the form of each value by a table; only settings that pass are looked into further.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from math import inf
from typing import Any, Final, NamedTuple, get_args

from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from threadless.backends.base import BaseChatBackend, build_backend
from threadless.conf import API_KEY_MODEL, DEFAULTS, conf
from threadless.db.connections import persistent_aliases
from threadless.keys.adapters import BaseKeyAdapter, ModelKeyAdapter, get_api_key_model
from threadless.keys.models import AbstractAPIKey
from threadless.resolvers import BaseResolver
from threadless.types import Target, TargetKind
from threadless.usage.recorder import BaseUsageRecorder

# Forms: what a value must look like, in words and as a test


class _Form(NamedTuple):
    wanted: str
    holds: Callable[[Any], bool]


def _is_path(value: Any) -> bool:
    return bool(value) if isinstance(value, str) else callable(value)


def _is_dict(value: Any, is_value: Callable[[Any], bool], name: str = r"[^\s,]+") -> bool:
    """True for a dict of names (by default without spaces and commas) to values of this form."""
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and re.fullmatch(name, key) is not None and is_value(each) for key, each in value.items()
    )


def _is_number(value: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _whole(least: int, most: float = inf) -> _Form:
    wanted = f"a whole number from {least}" + ("" if most == inf else f" to {most}")
    return _Form(wanted, lambda value: _is_number(value, int) and least <= value <= most)


_DAY: Final = 86_400
_PATH: Final = _Form("a dotted path, or what it would import", _is_path)
_PATHS: Final = _Form(
    "a list of dotted paths", lambda value: isinstance(value, list | tuple) and all(_is_path(each) for each in value)
)
_SECONDS: Final = _Form(
    "seconds above 0, at most a day", lambda value: _is_number(value, (int, float)) and 0 < value <= _DAY
)
_SECONDS_OR_NONE_AT_ALL: Final = _Form(
    "seconds from 0, at most a day", lambda value: _is_number(value, (int, float)) and 0 <= value <= _DAY
)
_LIMIT: Final = _Form("None, or a whole number from 1", lambda value: value is None or _whole(1).holds(value))

FORMS: Final[dict[str, _Form]] = {
    "BACKENDS": _Form(
        "a dict of aliases to dicts", lambda value: _is_dict(value, lambda each: isinstance(each, Mapping))
    ),
    "MODELS": _Form(
        "a dict of model names to dicts",
        lambda value: _is_dict(value, lambda each: _is_dict(each, lambda _: True), r".+"),
    ),
    "RESOLVER": _PATH,
    "KEY_ADAPTER": _PATH,
    "USAGE_RECORDER": _PATH,
    "TOKEN_COUNTER": _PATH,
    "AUTHENTICATION_CLASSES": _PATHS,
    "PERMISSION_CLASSES": _PATHS,
    "THROTTLE_CLASSES": _PATHS,
    "SCOPES": _Form(
        "a dict of scopes (no spaces, no commas) to their descriptions",
        lambda value: _is_dict(value, lambda each: isinstance(each, str | Promise)),
    ),
    "REQUIRED_SCOPE": _Form("a scope", lambda value: isinstance(value, str)),
    "SCOPE_PERMISSIONS": _Form(
        "a dict of scopes to permissions, each as 'app_label.codename'",
        lambda value: _is_dict(
            value, lambda each: isinstance(each, str) and re.fullmatch(r"\w+\.\w+", each) is not None
        ),
    ),
    "KEY_PREFIX": _Form(
        "up to 40 ASCII letters, digits, '_' and '-', beginning with a letter or digit",
        lambda value: isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", value) is not None,
    ),
    "MAX_BODY_BYTES": _whole(1),
    "MAX_MESSAGES": _whole(1),
    "MAX_DEPTH": _whole(1, 500),
    "MAX_VALUES": _whole(1),
    "CONNECT_SECONDS": _SECONDS,
    "FIRST_BYTE_SECONDS": _SECONDS,
    "BETWEEN_CHUNKS_SECONDS": _SECONDS,
    "MAX_CALL_SECONDS": _SECONDS,
    "GRACE_SECONDS": _SECONDS_OR_NONE_AT_ALL,
    "PING_SECONDS": _SECONDS,
    "STALL_SECONDS": _SECONDS,
    "GRACEFUL_SECONDS": _Form(
        "None, or seconds above 0, at most a day", lambda value: value is None or _SECONDS.holds(value)
    ),
    "REQUESTS_PER_MINUTE": _LIMIT,
    "TOKENS_PER_MINUTE": _LIMIT,
    "CONCURRENT_CALLS_PER_KEY": _LIMIT,
    "THROTTLE_CACHE": _Form("an alias of CACHES", lambda value: isinstance(value, str)),
}

BASES: Final[dict[str, type]] = {
    "RESOLVER": BaseResolver,
    "KEY_ADAPTER": BaseKeyAdapter,
    "USAGE_RECORDER": BaseUsageRecorder,
}
DUTIES: Final = {
    "AUTHENTICATION_CLASSES": "authenticate",
    "PERMISSION_CLASSES": "has_permission",
    "THROTTLE_CLASSES": "allow_request",
}
"""The method that DRF calls: a host's class need not extend DRF's."""


@register("threadless")
def check_settings(**kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Everything in `THREADLESS` and `THREADLESS_API_KEY_MODEL`."""
    given: Any = conf.given
    if not isinstance(given, Mapping):
        return [Error("THREADLESS must be a dict.", id="threadless.E001")]
    malformed = [name for name, form in FORMS.items() if not form.holds(conf[name])]
    messages = [_unknown(name) for name in given if name not in DEFAULTS]
    messages += [_error(name, f"must be {FORMS[name].wanted}, not {conf[name]!r:.80}.", "E003") for name in malformed]
    for names, check in _FURTHER:
        if not set(names) & set(malformed):
            messages += check()
    return messages


@register("threadless", deploy=True)
def check_connections(**kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Connections are given back before an upstream is waited for; one that is kept per thread is lost there."""
    hint = "Set CONN_MAX_AGE to 0; on PostgreSQL, add OPTIONS['pool'], which gevent and ASGI servers want in any case."
    return [
        CheckWarning(f"Database {alias!r} keeps connections per thread, but no pool.", hint=hint, id="threadless.W002")
        for alias in persistent_aliases()
    ]


def _unknown(name: Any) -> CheckMessage:
    close = get_close_matches(str(name).upper(), DEFAULTS, n=1)
    return Error(
        f"THREADLESS has no setting {name!r}.",
        hint=f"Did you mean {close[0]!r}?" if close else None,
        id="threadless.E002",
    )


def _error(name: str, text: str, number: str) -> CheckMessage:
    return Error(f"THREADLESS[{name!r}] {text}", id=f"threadless.{number}")


# Further rounds, each over settings whose form is right


def _check_classes() -> Iterator[CheckMessage]:
    for name, base in BASES.items():
        yield from _judge(name, conf[name], partial(_extends, base), f"extends {base.__name__}")


def _check_token_counter() -> Iterator[CheckMessage]:
    yield from _judge("TOKEN_COUNTER", conf["TOKEN_COUNTER"], callable, "is a function")


def _check_drf_classes() -> Iterator[CheckMessage]:
    for name, method in DUTIES.items():
        for value in conf[name]:
            yield from _judge(name, value, partial(_does, method), f"has {method}()")


def _judge(name: str, value: Any, is_right: Callable[[Any], bool], duty: str) -> Iterator[CheckMessage]:
    try:
        found = import_string(value) if isinstance(value, str) else value
    except ImportError as error:
        yield _error(name, f"cannot be imported: {error}", "E004")
        return
    if not is_right(found):
        yield _error(name, f"must name what {duty}; {value!r} does not.", "E005")


def _extends(base: type, found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, base)


def _does(method: str, found: Any) -> bool:
    # DRF's `A & B` is no class, but makes one.
    return hasattr(found, method) if isinstance(found, type) else callable(found)


def _check_key_model() -> Iterator[CheckMessage]:
    try:
        model = get_api_key_model()
    except ImproperlyConfigured as error:
        yield Error(str(error), id="threadless.E006")
        return
    if not issubclass(model, AbstractAPIKey) and conf["KEY_ADAPTER"] == DEFAULTS["KEY_ADAPTER"]:
        hint = f"Extend AbstractAPIKey, or set a KEY_ADAPTER of your own instead of {ModelKeyAdapter.__name__}."
        yield Error(f"{API_KEY_MODEL} names a model without our columns.", hint=hint, id="threadless.E006")


def _check_backends() -> Iterator[CheckMessage]:
    if not conf.backends:
        hint = "Without one, every completion fails. THREADLESS['BACKENDS']['default'] is where to begin."
        yield CheckWarning("THREADLESS['BACKENDS'] names no backend.", hint=hint, id="threadless.W001")
    for alias, params in conf.backends.items():
        if extra := set(params) - {"BACKEND", "OPTIONS"}:
            yield _error("BACKENDS", f"[{alias!r}] has unknown keys: {', '.join(map(repr, sorted(extra)))}.", "E007")
        yield from _check_backend(alias)


def _check_backend(alias: str) -> Iterator[CheckMessage]:
    try:
        backend: Any = build_backend(alias)
    except (ImproperlyConfigured, AttributeError) as error:  # import_string has the latter for what is no text
        yield Error(str(error), id="threadless.E007")
        return
    if isinstance(backend, BaseChatBackend):
        yield from backend.check()
    else:
        yield _error("BACKENDS", f"[{alias!r}] must extend BaseChatBackend.", "E005")


def _check_models() -> Iterator[CheckMessage]:
    for name, given in conf.models.items():
        for text in _faults_of_model(given):
            yield _error("MODELS", f"[{name!r}] {text}", "E008")


def _faults_of_model(given: Mapping[str, Any]) -> Iterator[str]:
    known = {field.name for field in dataclasses.fields(Target)} - {"id"}
    for field in set(given) - known:
        yield f"has an unknown field {field!r}; there are: {', '.join(sorted(known))}."
    if not given.get("model"):
        yield "lacks 'model', the upstream's name."
    if (alias := given.get("backend", "default")) not in conf.backends:
        yield f"names an unknown backend {alias!r}."
    if (scope := given.get("scope")) and scope not in conf.scopes:
        yield f"names an unknown scope {scope!r}."
    if given.get("kind", "model") not in get_args(TargetKind):
        yield "has a 'kind' that is neither 'model' nor 'agent'."


def _check_scopes() -> Iterator[CheckMessage]:
    if conf.required_scope not in conf.scopes:
        yield _error("REQUIRED_SCOPE", f"names {conf.required_scope!r}, which is not in SCOPES.", "E009")
    for scope in set(conf.scope_permissions) - set(conf.scopes):
        yield _error("SCOPE_PERMISSIONS", f"names {scope!r}, which is not in SCOPES.", "E010")


def _check_throttle_cache() -> Iterator[CheckMessage]:
    alias = conf.throttle_cache
    has_limit = conf.requests_per_minute is not None or conf.tokens_per_minute is not None
    if alias not in caches.settings:
        yield _error("THROTTLE_CACHE", f"names {alias!r}, which is not in CACHES.", "E011")
    elif has_limit and isinstance(caches[alias], LocMemCache | DummyCache):
        hint = "Name a cache that all server processes share, such as Redis."
        text = (
            f"THREADLESS['THROTTLE_CACHE']: {alias!r} is not shared: each server process grants the full limits anew."
        )
        yield CheckWarning(text, hint=hint, id="threadless.W003")


_FURTHER: Final[tuple[tuple[tuple[str, ...], Callable[[], Iterator[CheckMessage]]], ...]] = (
    (tuple(BASES), _check_classes),
    (("TOKEN_COUNTER",), _check_token_counter),
    (tuple(DUTIES), _check_drf_classes),
    (("KEY_ADAPTER",), _check_key_model),
    (("BACKENDS",), _check_backends),
    (("MODELS", "BACKENDS", "SCOPES"), _check_models),
    (("SCOPES", "REQUIRED_SCOPE", "SCOPE_PERMISSIONS"), _check_scopes),
    (("THROTTLE_CACHE", "REQUESTS_PER_MINUTE", "TOKENS_PER_MINUTE"), _check_throttle_cache),
)
