"""Charts as SVG, made on the server: they need no script, print, and their colours come from the style sheet. Pure.

Shapes scale with the page and strokes do not; words stand beside them in HTML, so that they keep their size. What a chart shows
stands in a table as well: each is hidden from screen readers or has a sentence that says it.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import Markup, escape

_WIDTH: Final = 1000.0
_HEIGHT: Final = 100.0
_STEPS: Final = (1, 2, 2.5, 5, 10)
_ROUGH_TICKS: Final = 4
_FLOW_WIDTH: Final = 960
_FLOW_HEIGHT: Final = 260.0
_FLOW_X: Final = (140.0, 460.0, 780.0)
_NODE_WIDTH: Final = 12
_ENDS_LEAST: Final = 52.0


class Node(NamedTuple):
    """Money that flows somewhere; `kind` names its colour, `told` is its amount in words."""

    name: str
    kind: str
    cents: int
    told: str


class Band(NamedTuple):
    """Where a node is drawn."""

    node: Node
    top: float
    size: float


def scale(highest: float, *, whole: bool = False) -> tuple[float, list[float]]:
    """Return the top of an axis from zero, and its ticks from the top down: round numbers."""
    if highest <= 0:
        return 1.0, [1.0, 0.0]
    rough = highest / _ROUGH_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in _STEPS if power * each >= rough * (1 - 1e-9))
    if whole:
        step = max(1.0, math.ceil(step))
    count = math.ceil(highest / step - 1e-9)
    return step * count, [step * each for each in range(count, -1, -1)]


def line(values: Sequence[float | None], top: float) -> Markup:
    """Draw a line over equal steps; where there is no value it is broken, and a value alone is a dot."""
    spots = _spots(values, top)
    drawn = [_path(run) for run in _runs(spots)]
    drawn += [f'<path class="dot" d="M{x:.1f} {y:.1f}h0"/>' for run in _runs(spots) if len(run) == 1 for x, y in run]
    last = next((spot for spot in reversed(spots) if spot is not None), None)
    if last is not None:
        drawn.append(f'<path class="last" d="M{last[0]:.1f} {last[1]:.1f}h0"/>')
    return _svg("".join(drawn), "line")


def area(values: Sequence[float | None], top: float, ticks: Sequence[float]) -> Markup:
    """Draw a line with what is under it, over the axis' lines."""
    spots = _spots(values, top)
    drawn = [f'<path class="grid" d="M0 {_HEIGHT * (1 - tick / top):.1f}H{_WIDTH:.0f}"/>' for tick in ticks]
    for run in _runs(spots):
        if len(run) > 1:
            path = "".join(f"L{x:.1f} {y:.1f}" for x, y in run)
            drawn.append(f'<path class="under" d="M{run[0][0]:.1f} {_HEIGHT:.0f}{path}V{_HEIGHT:.0f}Z"/>')
            drawn.append(_path(run))
        drawn += [f'<path class="dot" d="M{x:.1f} {y:.1f}h0"/>' for x, y in run]
    return _svg("".join(drawn), "area")


def bar(share: float, kind: str = "plain") -> Markup:
    """Draw one bar of a list: a share from 0 to 1 of the longest."""
    width = max(0.0, min(1.0, share)) * 100
    return Markup(  # noqa: S704 - numbers and kinds are ours
        f'<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f'<rect class="track" width="100" height="1"/><rect class="{kind}" width="{width:.2f}" height="1"/></svg>'
    )


def columns(values: Sequence[float], top: float, ticks: Sequence[float]) -> Markup:
    """Draw columns over equal steps."""
    drawn = [f'<path class="grid" d="M0 {_HEIGHT * (1 - tick / top):.1f}H{_WIDTH:.0f}"/>' for tick in ticks]
    step = _WIDTH / max(len(values), 1)
    for place, value in enumerate(values):
        high = _HEIGHT * max(value, 0) / top
        drawn.append(
            f'<rect class="column" x="{place * step + step * 0.15:.1f}" y="{_HEIGHT - high:.2f}"'
            f' width="{step * 0.7:.1f}" height="{high:.2f}"/>'
        )
    return _svg("".join(drawn), "columns")


def bands(nodes: Sequence[Node], top: float, size: float, *, least: float = 34.0, gap: float = 12.0) -> list[Band]:
    """Place nodes below one another in a space: in proportion to their money, none too small for its words."""
    shown = [each for each in nodes if each.cents > 0]
    whole = sum(each.cents for each in shown)
    if not whole:
        return []
    room = size - gap * (len(shown) - 1)
    sizes = [max(least, room * each.cents / whole) for each in shown]
    excess, spare = sum(sizes) - room, sum(each - least for each in sizes)
    if excess > 0 and spare > 0:
        sizes = [each - excess * (each - least) / spare for each in sizes]
    placed, at = [], top
    for each, high in zip(shown, sizes, strict=True):
        placed.append(Band(each, at, high))
        at += high + gap
    return placed


def flow(source: Node, through: Sequence[Node], split: str, ends: Sequence[Node]) -> Markup:
    """Draw money from one source to several nodes, and from that of kind `split` on to its ends.

    Empty where nothing flows forward: a period of take-backs alone has no such picture.
    """
    first = bands([source], 0, _FLOW_HEIGHT)
    middle = bands(through, 0, _FLOW_HEIGHT)
    if not first or not middle:
        return Markup("")
    begin = next((each for each in middle if each.node.kind == split), None)
    last: list[Band] = []
    if begin is not None:
        size = max(begin.size, _ENDS_LEAST * sum(each.cents > 0 for each in ends))
        last = bands(ends, max(0.0, min(begin.top, _FLOW_HEIGHT - size)), size)
    drawn = [_ribbons(first[0], middle, _FLOW_X[0], _FLOW_X[1])]
    drawn += [_ribbons(begin, last, _FLOW_X[1], _FLOW_X[2])] if begin is not None else []
    drawn.append(_node(first[0], _FLOW_X[0], before=True))
    drawn += [_node(each, _FLOW_X[1]) for each in middle]
    drawn += [_node(each, _FLOW_X[2]) for each in last]
    return Markup(  # noqa: S704 - numbers are ours, and words were escaped
        f'<svg class="money" viewBox="0 0 {_FLOW_WIDTH} {_FLOW_HEIGHT:.0f}" aria-hidden="true" focusable="false">'
        f"{''.join(drawn)}</svg>"
    )


def _ribbons(begin: Band, ends: Sequence[Band], left: float, right: float) -> str:
    """Cut a node in proportion to what flows on, and lead each piece to its end."""
    whole = sum(each.node.cents for each in ends)
    drawn, at, left, middle = [], begin.top, left + _NODE_WIDTH, (left + _NODE_WIDTH + right) / 2
    for each in ends:
        high = begin.size * each.node.cents / whole
        upper = f"M{left:.0f} {at:.1f}C{middle:.0f} {at:.1f} {middle:.0f} {each.top:.1f} {right:.0f} {each.top:.1f}"
        foot, bottom = at + high, each.top + each.size
        lower = f"V{bottom:.1f}C{middle:.0f} {bottom:.1f} {middle:.0f} {foot:.1f} {left:.0f} {foot:.1f}Z"
        drawn.append(f'<path class="ribbon {each.node.kind}" d="{upper}{lower}"/>')
        at = foot
    return "".join(drawn)


def _node(band: Band, x: float, *, before: bool = False) -> str:
    middle = band.top + band.size / 2
    at, anchor = (x - 10, ' text-anchor="end"') if before else (x + _NODE_WIDTH + 10, "")
    return (
        f'<rect class="node {band.node.kind}" x="{x:.0f}" y="{band.top:.1f}" width="{_NODE_WIDTH}"'
        f' height="{band.size:.1f}" rx="3"/>'
        f'<text class="name" x="{at:.0f}" y="{middle - 3:.1f}"{anchor}>{escape(band.node.name)}</text>'
        f'<text class="told" x="{at:.0f}" y="{middle + 15:.1f}"{anchor}>{escape(band.node.told)}</text>'
    )


def _spots(values: Sequence[float | None], top: float) -> list[tuple[float, float] | None]:
    step = _WIDTH / max(len(values), 1)
    return [
        None if value is None else (step * (place + 0.5), _HEIGHT * (1 - max(0.0, min(value / top, 1.0))))
        for place, value in enumerate(values)
    ]


def _runs(spots: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for spot in spots:
        if spot is None:
            runs.append([])
        else:
            runs[-1].append(spot)
    return [run for run in runs if run]


def _path(run: Sequence[tuple[float, float]]) -> str:
    return f'<path class="stroke" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in run)}"/>'


def _svg(drawn: str, kind: str) -> Markup:
    return Markup(  # noqa: S704 - as above
        f'<svg class="{kind}" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" preserveAspectRatio="none" aria-hidden="true"'
        f' focusable="false">{drawn}</svg>'
    )
