"""Repairs the tool calls of one choice, in streams and in plain answers.

SDKs combine the deltas of a call by its index and join their strings, and some take the name from the first delta
only. So the first delta of a call leaves with its `id`, `type` and whole `name`, and no other delta has them.

Which call a delta belongs to is a guess where the upstream does not number its calls. It assumes:

- A delta without a name continues a call, even if its id is new. LM Studio sends a new id with each delta.
- A new id with a name begins a call, also under an index that was used before.
- A name without an id, or with an id that is empty, begins a call if the arguments of the last one are complete.
  Gemini sends parallel calls whole, each with index 0 and id "".
- Otherwise a name that repeats the known one is a repetition, and any other is its next piece.
- A new id with the name of a call that has no arguments yet, under the index of this call, repeats its begin. Atlas
  does that.
- A known id with a known name under a new index repeats the call if its arguments begin with those that were sent.
  LocalAI sends a call as it is written, and then whole. Its calls may also share one id, and are then different.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from threadless.completions.repair import is_index, objects
from threadless.completions.tool_calls import arguments_text, is_whole, kind_of, name_of, unique_id
from threadless.exceptions import UpstreamError
from threadless.types import JSONObject, JSONValue

_KEPT_CHARACTERS: Final = 262_144
"""Longer arguments are not examined, and not held, so that memory use stays constant."""
_MAX_NAME: Final = 1024
_COMPARED_CALLS: Final = 64
"""A repetition of a later call is not found, so that the time for one delta stays constant."""
_TEXT_FIELD: Final = {"function": "arguments", "custom": "input"}


class _ToolCall:
    """One call: what is held of it, and what the client has received."""

    __slots__ = ("given_id", "held", "index", "kind", "name", "pieces", "size")

    def __init__(self, given_id: str) -> None:
        self.given_id = given_id
        self.name = ""
        self.kind = ""
        self.index: int | None = None
        """The number that the client knows; None while the first delta is held."""
        self.held: JSONObject = {}
        """The fields of the first delta, which waits for its name, without its arguments."""
        self.pieces: list[str] = []
        self.size = 0

    @property
    def is_whole(self) -> bool:
        is_examined = self.size <= _KEPT_CHARACTERS and self.pieces and self.pieces[-1].rstrip().endswith("}")
        return bool(is_examined) and is_whole("".join(self.pieces))

    def add(self, text: str) -> None:
        """Keep the next piece of the arguments."""
        self.size += len(text)
        if self.size > _KEPT_CHARACTERS:
            if not self.name:
                raise UpstreamError("The model called a tool without a name.")
            if self.index is not None:
                self.pieces = []
                return
        self.pieces.append(text)

    def rest_of(self, name: str, arguments: str) -> str | None:
        """What these arguments add to the known ones; None if this is another call."""
        known = "".join(self.pieces)
        is_repeated = name == self.name and self.size <= _KEPT_CHARACTERS and arguments.startswith(known)
        return arguments[len(known) :] if is_repeated and arguments else None

    def add_name(self, name: str) -> None:
        """A name, or the next piece of it, or a repetition."""
        if self.index is None and name != self.name:
            self.name = name if name.startswith(self.name) else self.name + name
            if len(self.name) > _MAX_NAME:
                raise UpstreamError("The model called a tool whose name is too long.")


class ToolCallDeltas:
    """Numbers the calls of a choice from 0 in the order in which they leave.

    `known_names` returns the names that are whole as soon as they arrive. Any other name is whole once arguments
    follow it, the next call begins, or the choice ends.
    """

    __slots__ = ("_by_id", "_by_index", "_calls", "_ids", "_known_names", "_last")

    def __init__(self, known_names: Callable[[], frozenset[str]] = frozenset) -> None:
        self._known_names = known_names
        self._calls: list[_ToolCall] = []
        self._by_index: dict[int, _ToolCall] = {}
        """The upstream's index → its latest call."""
        self._by_id: dict[str, _ToolCall] = {}
        """The upstream's id → its first call."""
        self._ids: set[str] = set()
        """The ids that the client knows."""
        self._last: _ToolCall | None = None

    def __len__(self) -> int:
        return len(self._ids)

    def take(self, given: JSONValue) -> list[JSONObject]:
        """The deltas for the client; fewer than were given if some are held."""
        deltas: list[JSONObject] = []
        for each in objects(given):
            delta = self._without_repetition(each)
            call = self._call_of(delta)
            if call is not self._last and self._last is not None:
                deltas += self._release(self._last)
            self._last = call
            deltas += self._forward(call, delta)
        return deltas

    def end(self) -> list[JSONObject]:
        """What is still held. Raises `UpstreamError` for a call without a name."""
        deltas = [delta for call in self._calls for delta in self._release(call)]
        for call in self._calls:
            if call.index is None and (call.given_id or any(call.pieces)):
                raise UpstreamError("The model called a tool without a name.")
        return deltas

    def _forward(self, call: _ToolCall, delta: JSONObject) -> list[JSONObject]:
        kind = call.kind = call.kind or kind_of(delta, delta.get("type"))
        field = _TEXT_FIELD.get(kind)
        if field is None:
            return self._forward_other(call, delta, kind)
        given = delta.get(kind)
        part = dict(given) if isinstance(given, dict) else {}
        call.add_name(name_of(part))
        part.pop("name", None)
        text = part[field] = arguments_text(part.get(field))
        call.add(text)
        fields = {name: value for name, value in delta.items() if name not in ("index", "id", "type", kind)}
        if call.index is not None:
            return [{"index": call.index, **fields, kind: part}]
        _hold(call, fields, part)
        is_final = bool(call.name) and (call.size > 0 or call.name in self._known_names())
        return self._release(call) if is_final else []

    def _forward_other(self, call: _ToolCall, delta: JSONObject, kind: str) -> list[JSONObject]:
        """A call of a type that only the upstream and its client know."""
        first = {} if call.index is not None else {**self._open(call), "type": kind}
        others = {name: value for name, value in delta.items() if name not in ("index", "id", "type")}
        return [{"index": call.index, **first, **others}]

    def _release(self, call: _ToolCall) -> list[JSONObject]:
        """The first delta of a call that has a name."""
        if call.index is not None or not call.name:
            return []
        head = self._open(call)
        part = {"name": call.name, **call.held.pop(call.kind), _TEXT_FIELD[call.kind]: "".join(call.pieces)}
        delta = {**head, "type": call.kind, **call.held, call.kind: part}
        call.held = {}
        return [delta]

    def _open(self, call: _ToolCall) -> JSONObject:
        call.index = len(self._ids)
        call_id = unique_id(call.given_id, self._ids)
        self._ids.add(call_id)
        return {"index": call.index, "id": call_id}

    def _without_repetition(self, delta: JSONObject) -> JSONObject:
        """The delta, or what it adds to a call that it repeats under a new index."""
        given_id, index, part = delta.get("id"), delta.get("index"), delta.get("function")
        if not given_id or not is_index(index) or index in self._by_index or given_id not in self._by_id:
            return delta
        arguments = arguments_text(part.get("arguments")) if isinstance(part, dict) else ""
        for call in self._calls[:_COMPARED_CALLS]:
            rest = call.rest_of(name_of(part), arguments) if call.given_id == given_id else None
            if rest is not None:
                self._by_index[index] = call
                return {"index": index, "function": {"arguments": rest}}
        return delta

    def _call_of(self, delta: JSONObject) -> _ToolCall:
        given_id, given_index = delta.get("id"), delta.get("index")
        given_id = given_id if isinstance(given_id, str) else ""
        known = self._known_call(given_id, given_index)
        part = delta.get("function") or delta.get("custom")
        if known is None or _is_next(known, given_id, part, is_numbered=is_index(given_index)):
            known = _ToolCall(given_id)
            self._calls.append(known)
        known.given_id = known.given_id or given_id
        self._by_id.setdefault(known.given_id, known)
        if is_index(given_index):
            self._by_index[given_index] = known
        return known

    def _known_call(self, given_id: str, given_index: JSONValue) -> _ToolCall | None:
        if is_index(given_index):
            return self._by_index.get(given_index)
        return self._by_id.get(given_id, self._last) if given_id else self._last


def _is_next(call: _ToolCall, given_id: str, part: JSONValue, *, is_numbered: bool) -> bool:
    """True if a delta with this id and `function` or `custom` object begins the call after this one."""
    name = name_of(part)
    if not name or not call.name:
        return False
    if given_id and call.given_id:
        has_only_begun = is_numbered and name == call.name and not call.size
        return given_id != call.given_id and not has_only_begun
    if name == call.name:
        return call.is_whole and bool(part.get("arguments") or part.get("input"))
    return call.is_whole or call.index is not None


def _hold(call: _ToolCall, fields: JSONObject, part: JSONObject) -> None:
    call.held = {**call.held, **fields, call.kind: {**call.held.get(call.kind, {}), **part}}


def repair_calls(given: JSONValue) -> list[JSONObject]:
    """The tool calls of a plain answer. Raises `UpstreamError` as a stream does."""
    deltas = ToolCallDeltas()
    entries = [{**entry, "index": position} for position, entry in enumerate(objects(given))]
    calls: list[JSONObject] = []
    add_deltas(calls, [*deltas.take(entries), *deltas.end()])
    return calls


def add_deltas(calls: list[JSONObject], deltas: list[JSONObject]) -> None:
    """Combine deltas, as `ToolCallDeltas` returns them, with the whole calls that they begin or continue, in place."""
    for delta in deltas:
        index = delta.pop("index")
        if index == len(calls):
            calls.append(delta)
            continue
        for kind, field in _TEXT_FIELD.items():
            if kind in calls[index] and kind in delta:
                calls[index][kind][field] += delta[kind][field]
