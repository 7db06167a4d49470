"""Normalizes the tool-call deltas of one choice: each has an `index`; only the first of a call has `id` and `name`.

SDKs combine the deltas of a call by its index and join their strings, so an id that is sent twice would be doubled.
"""

from __future__ import annotations

from threadless.completions import repair
from threadless.types import JSONObject, JSONValue


class _ToolCall:
    """What the client has received of one call."""

    __slots__ = ("given_id", "has_name")

    def __init__(self, given_id: str) -> None:
        self.given_id = given_id
        self.has_name = False


class ToolCallDeltas:
    """Numbers the calls of a choice from 0 in the order of their first deltas."""

    __slots__ = ("_calls", "_indexes", "_last")

    def __init__(self) -> None:
        self._calls: list[_ToolCall] = []
        self._indexes: dict[int, int] = {}
        """The upstream's index → ours."""
        self._last = 0

    def __len__(self) -> int:
        return len(self._calls)

    def normalize(self, delta: JSONObject) -> JSONObject:
        """The delta for the client."""
        given_id = delta.pop("id", None)
        given_id = given_id if isinstance(given_id, str) else ""
        kind = delta.pop("type", None)
        index = self._last = self._index_of(delta, given_id)
        fields: JSONObject = {"index": index}
        if index == len(self._calls):
            self._calls.append(_ToolCall(given_id))
            fields |= {"id": given_id or repair.new_call_id(), "type": kind if isinstance(kind, str) else "function"}
        fields |= {name: value for name, value in delta.items() if name != "index"}
        if "custom" not in delta:
            fields["function"] = self._function(delta.get("function"), self._calls[index])
        return fields

    def _index_of(self, delta: JSONObject, given_id: str) -> int:
        """The index of the call that this delta belongs to.

        Without an index, a new id starts the next call, and a delta without an id continues the last one. Some
        upstreams send the index 0 for each call: then a new id together with a name starts the next call too.
        """
        given = delta.get("index")
        if not repair.is_index(given):
            return self._index_by_id(given_id)
        index = self._indexes.setdefault(given, len(self._calls))
        if index < len(self._calls) and self._is_another(delta, given_id, self._calls[index]):
            index = self._indexes[given] = len(self._calls)
        return index

    def _index_by_id(self, given_id: str) -> int:
        if not given_id:
            return min(self._last, len(self._calls))
        known = (index for index, call in enumerate(self._calls) if call.given_id == given_id)
        return next(known, len(self._calls))

    def _is_another(self, delta: JSONObject, given_id: str, call: _ToolCall) -> bool:
        return bool(given_id and call.given_id and given_id != call.given_id and _name_of(delta.get("function")))

    def _function(self, given: JSONValue, call: _ToolCall) -> JSONObject:
        function = dict(given) if isinstance(given, dict) else {}
        name = _name_of(function)
        function.pop("name", None)
        function["arguments"] = repair.arguments_text(function.get("arguments"))
        if name and not call.has_name:
            call.has_name = True
            return {"name": name, **function}
        return function


def _name_of(function: JSONValue) -> str:
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else ""
