"""`conf` reads the settings of the host, converts them, and keeps them until they change."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from threadless.conf import SETTINGS, Setting, Settings, conf
from threadless.resolvers import BaseResolver, SettingsResolver
from threadless.setting_types import SECONDS, choice, list_of, optional, subclass_of, text, whole


class OtherResolver(SettingsResolver):
    """A host's own."""


def test_settings_are_named_like_their_attributes() -> None:
    assert SETTINGS["MAX_DEPTH"] is Settings.max_depth


@pytest.mark.parametrize("name", SETTINGS)
def test_default_is_valid(name: str) -> None:
    setting = SETTINGS[name]
    assert setting.type.find_fault(setting.default) == ""


@pytest.mark.parametrize("name", SETTINGS)
def test_default_fulfills_the_requirement(name: str) -> None:
    setting = SETTINGS[name]
    if setting.type.requirement is not None:
        converted = setting.type.convert(setting.default)
        faults = [
            setting.type.requirement(each) for each in (converted if isinstance(converted, list) else [converted])
        ]
        assert not any(faults)


def test_default_is_read_if_the_host_sets_nothing() -> None:
    with override_settings(THREADLESS={}):
        assert conf.max_depth == 100


def test_value_is_kept_until_the_setting_changes() -> None:
    with override_settings(THREADLESS={"MAX_DEPTH": 7}):
        assert conf.max_depth == 7
        assert vars(conf)["max_depth"] == 7
    assert "max_depth" not in vars(conf)


@pytest.mark.parametrize(("given", "zone"), [(None, "Europe/Vienna"), ("Asia/Tokyo", "Asia/Tokyo")])
def test_billing_zone_is_that_of_django_unless_it_is_set(given: str | None, zone: str) -> None:
    with override_settings(TIME_ZONE="Europe/Vienna", THREADLESS={"BILLING_TIME_ZONE": given}):
        assert conf.billing_zone.key == zone


@pytest.mark.parametrize("resolver", [OtherResolver, "tests.test_conf.OtherResolver"])
def test_class_is_given_by_itself_or_by_its_dotted_path(resolver: Any) -> None:
    with override_settings(THREADLESS={"RESOLVER": resolver}):
        assert issubclass(conf.resolver, SettingsResolver)
        assert conf.resolver.__name__ == "OtherResolver"


def test_whole_number_of_seconds_becomes_a_float() -> None:
    with override_settings(THREADLESS={"GRACEFUL_SECONDS": 3}):
        assert isinstance(conf.graceful_seconds, float)


def test_new_setting_is_one_definition() -> None:
    class MoreSettings(Settings):
        cache_failure = Setting("continue", choice("continue", "refuse"), "what to do while the cache is away")

    assert MoreSettings.cache_failure.name == "CACHE_FAILURE"


@pytest.mark.parametrize(
    ("setting_type", "description"),
    [
        (whole(1), "a whole number from 1"),
        (whole(1, 500), "a whole number from 1 to 500"),
        (optional(SECONDS), "None, or seconds above 0, at most a day"),
        (choice("continue", "refuse"), "'continue' or 'refuse'"),
        (subclass_of("threadless.resolvers.BaseResolver"), "a class or its dotted path"),
    ],
)
def test_type_describes_its_values(setting_type: Any, description: str) -> None:
    assert setting_type.description == description


def test_choice_accepts_its_values_only() -> None:
    cache_failure = choice("continue", "refuse")
    assert [cache_failure.find_fault(value) for value in ("continue", "refuse")] == ["", ""]
    assert cache_failure.find_fault("stop") == "not 'stop'"
    assert cache_failure.find_fault(["refuse"]) == "not a value of type 'list'"
    assert cache_failure.convert("refuse") == "refuse"


def test_text_accepts_a_full_match_only() -> None:
    digits = text("digits", r"\d+")
    assert [bool(digits.find_fault(value)) for value in ("12", "12\n", "a12", 12)] == [False, True, True, True]


def test_list_imports_each_item_and_keeps_the_requirement() -> None:
    resolvers = list_of(subclass_of("threadless.resolvers.BaseResolver"))
    assert resolvers.convert(["threadless.resolvers.SettingsResolver", BaseResolver]) == [
        SettingsResolver,
        BaseResolver,
    ]
    assert resolvers.requirement is not None
    assert resolvers.requirement(dict) == "is not a subclass of BaseResolver"
