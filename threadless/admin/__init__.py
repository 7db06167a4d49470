"""The Django admin of API keys and usage records."""

from threadless.admin.keys import BaseAPIKeyAdmin
from threadless.admin.usage import UsageRecordAdmin

__all__ = ["BaseAPIKeyAdmin", "UsageRecordAdmin"]
