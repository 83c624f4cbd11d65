"""Faults at moments drawn from a seed: kill -9 of each process in turn, and workers halted and woken."""

import random
import signal
import time
from collections.abc import Iterator
from itertools import count

from msgspec import Struct

from deploy.local.layout import SERVICES
from deploy.local.stack import Stack
from tests.support import eventually

WORKERS = tuple(f"{service}-worker" for service in SERVICES)
PROCESSES = (*WORKERS, *(f"{service}-api" for service in SERVICES), "kafka", "postgres")
_WAIT_SECONDS = (0.3, 2.0)
_HALT_SECONDS = (0.5, 3.0)
_HALTS = 2  # on top of each turn of kills


class Fault(Struct, frozen=True):
    """After `wait_seconds`, kill a process, or halt it for `halt_seconds`."""

    wait_seconds: float
    target: str
    halt_seconds: float = 0.0

    def __str__(self) -> str:
        what = f"halt {self.halt_seconds:.1f} s" if self.halt_seconds else "kill -9"
        return f"after {self.wait_seconds:.1f} s: {what} {self.target}"


def draw(seed: int, rounds: int, targets: tuple[str, ...] = PROCESSES) -> Iterator[Fault]:
    """Yield so many faults; each turn takes every target once, in an order of its own, and halts some workers."""
    chance = random.Random(f"{seed} faults")
    left = rounds
    for _ in count():
        turn = [Fault(chance.uniform(*_WAIT_SECONDS), target) for target in targets]
        workers = [target for target in targets if target in WORKERS]
        halted = chance.sample(workers, min(_HALTS, len(workers)))
        turn += [Fault(chance.uniform(*_WAIT_SECONDS), target, chance.uniform(*_HALT_SECONDS)) for target in halted]
        chance.shuffle(turn)
        yield from turn[:left]
        left -= len(turn)
        if left <= 0:
            return


def strike(stack: Stack, fault: Fault) -> None:
    """Do it; a process that is just being started again is waited for."""
    time.sleep(fault.wait_seconds)
    if not fault.halt_seconds:
        eventually(lambda: stack.kill(fault.target))
        return
    eventually(lambda: stack.kill(fault.target, signal.SIGSTOP))
    time.sleep(fault.halt_seconds)
    stack.kill(fault.target, signal.SIGCONT)
