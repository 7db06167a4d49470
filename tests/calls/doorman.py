"""A gate of a host: counts who is inside, may refuse, and remembers how each call ended."""

from typing import Any, ClassVar

from threadless.calls.gates import Gate
from threadless.exceptions import RateLimited


class Doorman(Gate):
    is_closed: ClassVar[bool] = False
    inside: ClassVar[int] = 0
    ends: ClassVar[list[str | None]] = []

    def admit(self, call: Any) -> None:
        if Doorman.is_closed:
            raise RateLimited("Closed.")
        Doorman.inside += 1

    def leave(self, call: Any, outcome: Any) -> None:
        Doorman.inside -= 1
        Doorman.ends.append(outcome and outcome.state)
