"""Bars as an SVG that stands alone: no script, no font of its own, no colour that means something."""

from collections.abc import Mapping
from html import escape
from typing import Final

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 720, 220, 110, 26, 40
_BAR: Final = "#4c78a8"
_AIM: Final = "#c03d3e"


def bars(title: str, unit: str, values: Mapping[str, float], *, aim: float | None = None) -> str:
    """Return horizontal bars, one a name, each with its figure; a line where the aim is."""
    most = max([*values.values(), aim or 0.0]) or 1.0
    room = _WIDTH - _LEFT - _RIGHT
    height = _TOP + _ROW * len(values) + 16
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="12" y="22" font-weight="bold">{escape(title)} ({escape(unit)})</text>',
    ]
    for place, (name, value) in enumerate(values.items()):
        y = _TOP + place * _ROW
        wide = max(1.0, value / most * room)
        drawn += [
            f'<text x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{y}" width="{wide:.1f}" height="18" fill="{_BAR}"/>',
            f'<text x="{_LEFT + wide + 6:.1f}" y="{y + 15}">{told(value)}</text>',
        ]
    if aim is not None:
        x = _LEFT + aim / most * room
        drawn.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height - 10}" stroke="{_AIM}" stroke-dasharray="4 3"/>')
        drawn.append(f'<text x="{x:.1f}" y="{height - 1}" text-anchor="middle" fill="{_AIM}" font-size="11">aim {told(aim)}</text>')
    return "\n".join([*drawn, "</svg>"]) + "\n"


def told(value: float) -> str:
    """Write a figure with three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
