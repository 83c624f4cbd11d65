"""The workflow of cases as a diagram and as lists, written into docs/appeals.md from the table of transitions."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from deploy.docs.marked import between
from services.appeals.workflow import CLOSED, DECIDED, TRANSITIONS, WAITING, WORKING, CaseState, Command

_GROUPS: Final[Mapping[str, tuple[CaseState, ...]]] = {
    "working": WORKING,
    "waiting": WAITING,
    "decided": DECIDED,
    "closed": CLOSED,
}
_BEGIN, _END = "<!-- workflow: written by `make docs` from the table -->", "<!-- workflow ends -->"


def with_workflow(page: Path) -> str:
    """Return a page with what stands between its two marks written anew."""
    return between(page, _BEGIN, _END, f"{_diagram()}\n\n{_lists()}")


def _diagram() -> str:
    lines = ["```mermaid", "stateDiagram-v2"]
    for group, states in _GROUPS.items():
        lines += [f"    state {group} {{", *(f"        {state}" for state in states), "    }"]
    edges: dict[tuple[str, str], list[str]] = defaultdict(list)
    for command in Command:
        for source, target in _arrows(command):
            edges[source, target].append(command.value)
    lines += [f"    {source} --> {target}: {', '.join(commands)}" for (source, target), commands in edges.items()]
    return "\n".join([*lines, "```"])


def _arrows(command: Command) -> Iterator[tuple[str, str]]:
    """Yield (from, to) of a command that changes the state; one arrow where all of a group that is not there yet goes there."""
    targets = {state: to for (state, each), to in TRANSITIONS.items() if each is command and to is not state}
    for group, states in _GROUPS.items():
        others = [state for state in states if TRANSITIONS.get((state, command)) is not state]
        led = {targets.get(state) for state in others}
        if len(others) > 1 and len(led) == 1 and None not in led:
            yield group, str(targets[others[0]])
            for state in others:
                del targets[state]
    for source, to in targets.items():
        yield "[*]" if source is None else source.value, to.value


def _lists() -> str:
    rows = ["| state | what may be asked, and where it leads |", "|---|---|"]
    for state in (None, *CaseState):
        by_target: dict[CaseState, list[str]] = defaultdict(list)
        for (source, command), to in TRANSITIONS.items():
            if source is state:
                by_target[to].append(f"`{command.value}`")
        told = "; ".join(
            f"{', '.join(commands)}: {'stays' if to is state else f'`{to.value}`'}" for to, commands in by_target.items()
        )
        rows.append(f"| {'(no case yet)' if state is None else f'`{state.value}`'} | {told} |")
    return "\n".join(rows)
