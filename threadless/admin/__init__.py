"""What the staff see: keys and usage."""

from threadless.admin.keys import BaseAPIKeyAdmin
from threadless.admin.usage import UsageRecordAdmin

__all__ = ["BaseAPIKeyAdmin", "UsageRecordAdmin"]
