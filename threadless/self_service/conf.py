"""The app's keys of the `THREADLESS` setting."""

from __future__ import annotations

from typing import Final

from threadless.conf import Setting, SettingsGroup
from threadless.setting_types import optional, whole


class SelfServiceSettings(SettingsGroup):
    """What customers may do."""

    max_key_days = Setting(
        None,
        optional(whole(1, 3650)),
        "longest lifetime, in days, of a key that a customer creates; `None`: such a key need not expire",
    )


conf: Final = SelfServiceSettings()
