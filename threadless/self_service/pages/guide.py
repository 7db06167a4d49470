"""The page "Calling the API", with the reader's base URL and a model that the reader may use."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from threadless import resolvers
from threadless.self_service.pages import snippets
from threadless.self_service.pages.page import CustomerPage, base_url_of


class GuidePage(CustomerPage):
    """Examples to copy. They read the key from the environment, so that it is in no file."""

    title = _("Calling the API")
    tab = "guide"
    template_name = "threadless_self_service/guide.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        targets = resolvers.targets(self.caller)
        model = targets[0].id if targets else "MODEL"
        examples = {
            "environment": snippets.environment(base_url_of(self.request), "YOUR_KEY"),
            "curl": snippets.curl(model),
            "python": snippets.python(model),
            "node": snippets.node(model),
            "key": snippets.KEY,
        }
        return super().get_context_data(**examples, **kwargs)
