"""From the name in `model` to a `Target`: the extension point for a host's models, agents and visibility rules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from threadless.conf import conf
from threadless.exceptions import ModelNotFound
from threadless.types import Caller, Target


class BaseResolver(ABC):
    """Base class for hosts with agents or visibility rules. One instance serves one request.

    A key's list of allowed models is enforced outside, for both methods.
    """

    @abstractmethod
    def list(self, caller: Caller) -> Iterable[Target]:
        """Every target that this caller may see, in display order."""

    def resolve(self, name: str, caller: Caller) -> Target:
        """The target with this name. Raises `ModelNotFound` if `list` does not return it.

        Override it if a query for one name is cheaper than the list. The rule must be the same.
        """
        for target in self.list(caller):
            if target.id == name:
                return target
        raise ModelNotFound(name)


class SettingsResolver(BaseResolver):
    """The models of the `MODELS` setting, shown to every caller who has their scope."""

    def list(self, caller: Caller) -> Iterable[Target]:
        return [Target(id=name, **fields) for name, fields in conf.models.items() if _in_scope(fields, caller)]

    def resolve(self, name: str, caller: Caller) -> Target:
        fields = conf.models.get(name)
        if fields is None or not _in_scope(fields, caller):
            raise ModelNotFound(name)
        return Target(id=name, **fields)


def resolve(name: str, caller: Caller) -> Target:
    """The target that this caller may use under this name; raises `ModelNotFound`."""
    if "\0" in name or not caller.may_use(name):  # PostgreSQL would fail on a NUL
        raise ModelNotFound(name)
    target: Target = conf.resolver().resolve(name, caller)
    return target


def targets(caller: Caller) -> list[Target]:
    """Every target that `resolve` would find for this caller."""
    return [target for target in conf.resolver().list(caller) if caller.may_use(target.id)]


def _in_scope(fields: object, caller: Caller) -> bool:
    scope = fields.get("scope") if isinstance(fields, dict) else None
    return not scope or scope in caller.scopes
