"""The platform's models, and the one behind which the hostile upstream is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from benchmarks.hostile import MODEL
from project.gateway import PlatformResolver
from threadless.types import Caller, Target

_TARGET: Final = Target(id=MODEL, model=MODEL, backend="hostile")


class Resolver(PlatformResolver):
    """Adds one model."""

    def resolve(self, name: str, caller: Caller) -> Target:
        return _TARGET if name == MODEL else super().resolve(name, caller)

    def list(self, caller: Caller) -> Iterable[Target]:
        return [*super().list(caller), _TARGET]
