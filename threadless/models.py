"""Where Django looks for the models of this app."""

from threadless.keys.models import AbstractAPIKey, APIKey
from threadless.usage.models import UsageRecord

__all__ = ["APIKey", "AbstractAPIKey", "UsageRecord"]
