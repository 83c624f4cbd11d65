"""The life of a case: one table of transitions and a pure decision. A pair that the table does not hold is refused."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct


class CaseState(StrEnum):
    """`open`: somebody can act. `withdrawn`: a new judgement left nothing to pursue. `retracted`: the payer took it back."""

    OPEN = "open"
    WITHDRAWN = "withdrawn"
    RETRACTED = "retracted"


class Command(StrEnum):
    """What a revision of the denial asks of its case."""

    PURSUE = "pursue"  # active, and somebody can pursue it
    DROP = "drop"  # active, and nobody can
    RETRACT = "retract"  # reversed by the payer


WHO: Final = "system"

WHY: Final[Mapping[Command, str]] = {
    Command.PURSUE: "denial_classified",
    Command.DROP: "denial_not_recoverable",
    Command.RETRACT: "denial_retracted",
}

# None stands for a case that does not exist yet. A later revision that comes first makes one all the same, closed: so the older
# revision that comes after it opens nothing.
TRANSITIONS: Final[Mapping[tuple[CaseState | None, Command], CaseState]] = {
    (None, Command.PURSUE): CaseState.OPEN,
    (None, Command.DROP): CaseState.WITHDRAWN,
    (None, Command.RETRACT): CaseState.RETRACTED,
    (CaseState.OPEN, Command.PURSUE): CaseState.OPEN,
    (CaseState.OPEN, Command.DROP): CaseState.WITHDRAWN,
    (CaseState.OPEN, Command.RETRACT): CaseState.RETRACTED,
    (CaseState.WITHDRAWN, Command.PURSUE): CaseState.OPEN,
    (CaseState.WITHDRAWN, Command.DROP): CaseState.WITHDRAWN,
    (CaseState.WITHDRAWN, Command.RETRACT): CaseState.RETRACTED,
    # The reversal turned out to undo another payment of the same claim: the refusal stands again.
    (CaseState.RETRACTED, Command.PURSUE): CaseState.OPEN,
    (CaseState.RETRACTED, Command.DROP): CaseState.WITHDRAWN,
    (CaseState.RETRACTED, Command.RETRACT): CaseState.RETRACTED,
}


_FIRST_REVISION: Final = 1


class Revision(Struct, frozen=True):
    """What a revision of a denial says that matters here."""

    number: int
    retracted: bool
    recoverable: bool

    @property
    def command(self) -> Command:
        if self.retracted:
            return Command.RETRACT
        return Command.PURSUE if self.recoverable else Command.DROP


def decide(state: CaseState | None, known_revision: int, revision: Revision) -> CaseState | None:
    """Return the case's next state; None when nothing changes: an older or equal revision, or nothing that was ever to pursue."""
    if revision.number <= known_revision:
        return None
    never_pursued = state is None and not revision.recoverable and (revision.retracted or revision.number == _FIRST_REVISION)
    return None if never_pursued else TRANSITIONS.get((state, revision.command))
