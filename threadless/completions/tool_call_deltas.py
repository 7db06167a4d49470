"""The tool-call deltas of one choice: `index` always, `id` and `name` in the first delta of a call and only there.

SDKs put a call together by its index, and join the strings of its deltas: an id that came twice would be doubled.
"""

from __future__ import annotations

from threadless.completions import repair
from threadless.types import JSONObject, JSONValue


class _ToolCall:
    """What has been sent of one call."""

    __slots__ = ("given_id", "has_name")

    def __init__(self, given_id: str) -> None:
        self.given_id = given_id
        self.has_name = False


class ToolCallDeltas:
    """Numbers the calls of a choice from 0 in the order in which they begin."""

    __slots__ = ("_calls", "_last", "_places")

    def __init__(self) -> None:
        self._calls: list[_ToolCall] = []
        self._places: dict[int, int] = {}
        """The upstream's index → ours."""
        self._last = 0

    def __len__(self) -> int:
        return len(self._calls)

    def normalize(self, delta: JSONObject) -> JSONObject:
        """This delta as the client gets it."""
        given_id = delta.pop("id", None)
        given_id = given_id if isinstance(given_id, str) else ""
        kind = delta.pop("type", None)
        place = self._last = self._place_of(delta, given_id)
        fields: JSONObject = {"index": place}
        if place == len(self._calls):
            self._calls.append(_ToolCall(given_id))
            fields |= {"id": given_id or repair.new_call_id(), "type": kind if isinstance(kind, str) else "function"}
        fields |= {name: value for name, value in delta.items() if name != "index"}
        if "custom" not in delta:
            fields["function"] = self._function(delta.get("function"), self._calls[place])
        return fields

    def _place_of(self, delta: JSONObject, given_id: str) -> int:
        """Without an index a new id opens the next call, and a delta without an id continues the last.

        Some upstreams give each call the index 0: there a new id together with a name opens the next one too.
        """
        given = delta.get("index")
        if not repair.is_index(given):
            return self._place_by_id(given_id)
        place = self._places.setdefault(given, len(self._calls))
        if place < len(self._calls) and self._is_another(delta, given_id, self._calls[place]):
            place = self._places[given] = len(self._calls)
        return place

    def _place_by_id(self, given_id: str) -> int:
        if not given_id:
            return min(self._last, len(self._calls))
        known = (place for place, call in enumerate(self._calls) if call.given_id == given_id)
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
