"""The routes of the app. They belong to `threadless.urls`, below the same prefix."""

from __future__ import annotations

from typing import Final

from threadless.api.routes import endpoint
from threadless.self_service.views import KeyView, UsageView

key_route: Final = endpoint("key", KeyView.as_view(), name="key")
usage_route: Final = endpoint("usage", UsageView.as_view(), name="usage")
completions_route: Final = endpoint(
    "organization/usage/completions", UsageView.as_view(is_alias=True), name="organization-usage-completions"
)
"""The path that the OpenAI SDKs use: `client.admin.organization.usage.completions(…)`."""
