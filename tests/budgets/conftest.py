"""These tests need the optional apps."""

from __future__ import annotations

from django.conf import settings as django_settings

collect_ignore_glob = [] if django_settings.SETTINGS_MODULE == "tests.optional_apps" else ["test_*.py"]
