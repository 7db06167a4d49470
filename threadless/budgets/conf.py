"""The app's keys of the `THREADLESS` setting."""

from __future__ import annotations

from typing import Final

from threadless.conf import Setting, SettingsGroup
from threadless.setting_types import choice, optional, whole


class BudgetSettings(SettingsGroup):
    """How much a call reserves."""

    budget_prompt_margin = Setting(
        10,
        whole(0, 1000),
        "percent that are added to the estimate of the prompt's tokens, because the upstream may count more",
    )
    budget_output_tokens = Setting(
        4096,
        whole(1),
        "tokens that a plain call reserves for its answer if neither the client nor the target limits it",
    )
    budget_step_tokens = Setting(
        1024,
        optional(whole(1)),
        "tokens that a stream without the client's limit reserves at a time; `None`: it reserves as much as a plain "
        "call, which also covers hidden reasoning",
    )
    budget_unpriced = Setting(
        "refuse",
        choice("refuse", "admit"),
        "what a cost budget does with a call whose price is unknown: refuse it, or admit it without a reservation",
    )


conf: Final = BudgetSettings()
