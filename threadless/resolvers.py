"""From the name in `model` to a `Target`: the extension point for a host's models, agents and visibility rules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from threadless.conf import conf
from threadless.exceptions import ModelNotFound, WrongType
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

    def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """Names for the lists and reports of the staff, by ID, of models and agents that the reader may not see.

        Visibility does not limit them, because only people who may see every call read them. If a name is missing, the
        pages show the ID. By default all names are missing.
        """
        return {}


class SettingsResolver(BaseResolver):
    """The models of the `MODELS` setting."""

    target_class: type[Target] = Target
    """The class of targets: `Target` or a subclass of the host, whose fields `MODELS` may then have."""

    def list(self, caller: Caller) -> Iterable[Target]:
        return [self.target_class(id=name, **fields) for name, fields in conf.models.items()]

    def resolve(self, name: str, caller: Caller) -> Target:
        fields = conf.models.get(name)
        if fields is None:
            raise ModelNotFound(name)
        return self.target_class(id=name, **fields)


def resolve(name: str, caller: Caller) -> Target:
    """The target that this caller may use under this name; raises `ModelNotFound`."""
    if "\0" in name:  # PostgreSQL refuses this in a query
        raise ModelNotFound(name)
    resolver = conf.resolver()
    target: Any = resolver.resolve(name, caller)
    if not isinstance(target, Target):
        raise WrongType(resolver, "resolve", "a Target", target)
    if not _is_allowed(target, caller):
        raise ModelNotFound(name)
    return target


def targets(caller: Caller) -> list[Target]:
    """Every target that `resolve` would find for this caller."""
    resolver = conf.resolver()
    listed: Any = resolver.list(caller)
    if not isinstance(listed, Iterable):
        raise WrongType(resolver, "list", "Targets", listed)
    return [target for target in listed if _is_allowed(_checked(target, resolver), caller)]


def _checked(target: Any, resolver: BaseResolver) -> Target:
    if not isinstance(target, Target):
        raise WrongType(resolver, "list", "Targets", target)
    return target


def _is_allowed(target: Target, caller: Caller) -> bool:
    """The rule for listing and resolving: the key's allow-list, by the id of the target, and the target's scope."""
    return caller.may_use(target.id) and (not target.scope or target.scope in caller.scopes)
