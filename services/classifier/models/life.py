"""The life of a model: its states, the moves between them, and when a candidate may take the place of what is live. Pure."""

from collections.abc import Mapping
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

Subject = Literal["risk", "overturn"]
State = Literal["candidate", "shadow", "live", "retired", "rolled_back"]
Command = Literal["promote", "give_way", "roll_back", "restore", "shadow", "leave_shadow"]
Metrics = Mapping[str, float]

# An absent pair is refused. One model of a subject is live at a time, and one at most in the shadow.
TRANSITIONS: Final[Mapping[tuple[State, Command], State]] = {
    ("candidate", "promote"): "live",
    ("shadow", "promote"): "live",
    ("retired", "promote"): "live",
    ("rolled_back", "promote"): "live",
    ("live", "give_way"): "retired",
    ("live", "roll_back"): "rolled_back",
    ("retired", "restore"): "live",
    ("candidate", "shadow"): "shadow",
    ("retired", "shadow"): "shadow",
    ("rolled_back", "shadow"): "shadow",
    ("shadow", "leave_shadow"): "candidate",
}

# PR-AUC of two models on the same claims differs by chance; log loss, which counts every claim, has to be lower outright.
PR_AUC_SLACK: Final = 0.005


class Evaluation(Struct, frozen=True):
    """A model on outcomes that it has not learned from, beside its rival on the same ones.

    The rival is what was live then; where nothing was, `rival_id` is None and `rival` are the figures of plain rates.
    `metrics` and `rival` have `log_loss` (lower is better) and `pr_auc` at least.
    """

    rival_id: UUID | None
    metrics: Metrics
    rival: Metrics


Refusal = Literal["evaluation-outdated", "model-not-better"]


def refusal(evaluation: Evaluation | None, live_id: UUID | None) -> Refusal | None:
    """Say why a model may not be promoted; None: it may. It must have been held against what is live now, and have been better."""
    if evaluation is None or evaluation.rival_id != live_id:
        return "evaluation-outdated"
    return None if is_better(evaluation.metrics, evaluation.rival) else "model-not-better"


def is_better(metrics: Metrics, rival: Metrics) -> bool:
    """Say whether figures beat a rival's: a lower log loss, and no worse an order."""
    return metrics["log_loss"] < rival["log_loss"] and metrics["pr_auc"] >= rival["pr_auc"] - PR_AUC_SLACK
