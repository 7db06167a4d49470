"""The chart of the benchmark results: an SVG without dependencies, for light and dark pages."""

from __future__ import annotations

from typing import Final

from benchmarks.figures import Results, shown
from benchmarks.hosts import FLOOR, GEVENT
from benchmarks.targets import LITELLM, PORTKEY

_PANELS: Final = (
    ("CPU per JSON call", "json-1", "call"),
    ("CPU per chunk, 100 paced streams", "paced-100", "chunk"),
    ("CPU per chunk, back to back", "burst-32", "chunk"),
)
_BARS: Final = (
    (LITELLM, "LiteLLM", "rival"),
    (PORTKEY, "Portkey", "rival"),
    (GEVENT, "threadless", "own"),
    (FLOOR, "pass-through", "floor"),
)
_WIDTH, _PANEL, _BAR, _LEFT, _RIGHT = 760, 162, 24, 110, 90

_STYLE: Final = """
  text { font: 14px system-ui, sans-serif; fill: #1f2933; }
  .title { font-weight: 600; } .value { font-variant-numeric: tabular-nums; }
  .own { fill: #0f766e; } .rival { fill: #94a3b8; } .floor { fill: #cbd5e1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e5e9ee; } .own { fill: #2dd4bf; } .rival { fill: #64748b; } .floor { fill: #475569; }
  }
"""


def picture(results: Results) -> str:
    """The SVG."""
    body = "".join(_panel(number, results) for number in range(len(_PANELS)))
    height = _PANEL * len(_PANELS)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">'
    return f"{head}\n<title>{_described(results)}</title>\n<style>{_STYLE}</style>\n{body}</svg>\n"


def _panel(number: int, results: Results) -> str:
    title, scenario, figure = _PANELS[number]
    top = number * _PANEL
    values = {target: results.figure(figure, scenario, target) for target, *_ in _BARS}
    most = max(value or 0.0 for value in values.values()) or 1.0
    parts = [f'<text class="title" x="0" y="{top + 22}">{title}</text>\n']
    for row, (target, label, style) in enumerate(_BARS):
        y = top + 34 + row * (_BAR + 6)
        value = values[target]
        width = max(2.0, (_WIDTH - _LEFT - _RIGHT) * (value or 0.0) / most)
        text = "not measured" if value is None else shown(figure, value)
        parts.append(f'<text x="0" y="{y + 17}">{label}</text>')
        parts.append(f'<rect class="{style}" x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="3"/>')
        parts.append(f'<text class="value" x="{_LEFT + width + 8:.1f}" y="{y + 17}">{text}</text>\n')
    return "".join(parts)


def _described(results: Results) -> str:
    told = []
    for title, scenario, figure in _PANELS:
        values = (f"{label} {shown(figure, results.figure(figure, scenario, target))}" for target, label, _ in _BARS)
        told.append(f"{title}: {', '.join(values)}")
    return "; ".join(told)
