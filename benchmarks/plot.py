"""The chart of the benchmark results: an SVG without dependencies, for light and dark pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_PANELS: Final = (
    ("CPU per JSON call", "json-1", "cpu_ms_per_call", "ms", 2),
    ("CPU per chunk, 100 paced streams", "paced-100", "cpu_us_per_chunk", "µs", 0),
    ("CPU per chunk, back to back", "burst-32", "cpu_us_per_chunk", "µs", 0),
)
_BARS: Final = (("litellm", "LiteLLM", "rival"), ("gevent", "threadless", "own"), ("floor", "floor", "floor"))
_WIDTH, _PANEL, _BAR, _LEFT, _RIGHT = 760, 132, 24, 110, 90

_STYLE: Final = """
  text { font: 14px system-ui, sans-serif; fill: #1f2933; }
  .title { font-weight: 600; } .value { font-variant-numeric: tabular-nums; }
  .own { fill: #0f766e; } .rival { fill: #94a3b8; } .floor { fill: #cbd5e1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e5e9ee; } .own { fill: #2dd4bf; } .rival { fill: #64748b; } .floor { fill: #475569; }
  }
"""


def picture(lookup: Callable[[str, str], dict[str, Any]]) -> str:
    """The SVG; `lookup` gives the run of a scenario and a target."""
    body = "".join(_panel(number, lookup) for number in range(len(_PANELS)))
    height = _PANEL * len(_PANELS)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">'
    return f"{head}\n<title>{_described(lookup)}</title>\n<style>{_STYLE}</style>\n{body}</svg>\n"


def _panel(number: int, lookup: Callable[[str, str], dict[str, Any]]) -> str:
    title, scenario, cost, unit, digits = _PANELS[number]
    top = number * _PANEL
    values = {target: lookup(scenario, target).get(cost, 0.0) for target, *_ in _BARS}
    most = max(values.values()) or 1.0
    parts = [f'<text class="title" x="0" y="{top + 22}">{title}</text>\n']
    for row, (target, label, style) in enumerate(_BARS):
        y = top + 34 + row * (_BAR + 6)
        width = max(2.0, (_WIDTH - _LEFT - _RIGHT) * values[target] / most)
        value = f"{values[target]:.{digits}f} {unit}" if values[target] else "not measured"
        parts.append(f'<text x="0" y="{y + 17}">{label}</text>')
        parts.append(f'<rect class="{style}" x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="3"/>')
        parts.append(f'<text class="value" x="{_LEFT + width + 8:.1f}" y="{y + 17}">{value}</text>\n')
    return "".join(parts)


def _described(lookup: Callable[[str, str], dict[str, Any]]) -> str:
    told = []
    for title, scenario, cost, unit, _ in _PANELS:
        figures = ", ".join(f"{label} {lookup(scenario, target).get(cost, '–')}" for target, label, _ in _BARS)
        told.append(f"{title} in {unit}: {figures}")
    return "; ".join(told)
