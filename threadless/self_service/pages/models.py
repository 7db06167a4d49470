"""The page of models and agents, with their prices."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from threadless import resolvers
from threadless.conf import conf
from threadless.self_service.pages.page import CustomerPage
from threadless.types import Target

_PARTS: Final = (
    ("prompt", _("Input")),
    ("cached", _("Cached input")),
    ("completion", _("Output")),
    ("reasoning", _("Reasoning")),
)


class ModelsPage(CustomerPage):
    """What the signed-in user may call."""

    title = _("Models and agents")
    tab = "models"
    template_name = "threadless_self_service/models.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = [(target, _prices(target)) for target in resolvers.targets(self.caller)]
        has_prices = any(target.price for target, _prices in rows)
        labels = [label for _name, label in _PARTS]
        return super().get_context_data(
            rows=rows, has_prices=has_prices, labels=labels, currency=conf.currency, **kwargs
        )


def _prices(target: Target) -> list[Any]:
    """The amounts per million tokens, as the platform wrote them; None where the platform gives none."""
    price = target.price or {}
    return [price.get(name) for name, _label in _PARTS]
