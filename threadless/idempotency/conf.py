"""The app's keys of the `THREADLESS` setting."""

from __future__ import annotations

from typing import Final

from threadless.conf import Setting, SettingsGroup
from threadless.setting_types import whole


class IdempotencySettings(SettingsGroup):
    """How long keys are kept."""

    idempotency_hours = Setting(
        24, whole(1, 24 * 365), "how many hours an idempotency key is remembered; then a call may use it again"
    )


conf: Final = IdempotencySettings()
