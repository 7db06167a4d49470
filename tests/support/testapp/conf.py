"""The app's own key of the `THREADLESS` dict."""

from __future__ import annotations

from typing import Final

from threadless.conf import Setting, SettingsGroup
from threadless.setting_types import whole


class TestAppSettings(SettingsGroup):
    """One number."""

    testapp_calls = Setting(2, whole(1), "calls of a new account")


conf: Final = TestAppSettings()
