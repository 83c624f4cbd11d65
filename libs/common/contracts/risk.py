"""How likely a claim is to be denied: what ingest's check asks of the classifier (`POST /v1/risk`), and what it answers.

A claim is told as `claim.submitted` tells it, with what the rules found: whoever learned from those events knows every field, and
no patient data goes over. Claims of one request are answered in their order, each by its id.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from libs.common.contracts.claim_submitted import ClaimSubmittedV1

PATH: Final = "/v1/risk"


class RiskQuestion(Struct, frozen=True):
    claims: Annotated[tuple[ClaimSubmittedV1, ...], Meta(description="Claims as submitted, at most 1,000.", max_length=1000)]


class LineRisk(Struct, frozen=True):
    """What is to be expected of one service line."""

    line: Annotated[int, Meta(description="The line's number in the claim.")]
    probability: Annotated[float, Meta(description="That the payer denies it; 0 to 1.", ge=0, le=1)]


class ClaimRisk(Struct, frozen=True):
    """What is to be expected of one claim."""

    claim_id: Annotated[str, Meta(description="The claim that was asked about.", max_length=36)]
    probability: Annotated[float, Meta(description="That the payer denies it or a part of it; 0 to 1.", ge=0, le=1)]
    category: Annotated[
        Annotated[str, Meta(max_length=40)] | None,
        Meta(description="The likeliest category of such a denial; null: none stands out."),
    ]
    reasons: Annotated[
        tuple[Annotated[str, Meta(max_length=300)], ...],
        Meta(description="What speaks for it, in words, the strongest first.", max_length=3),
    ]
    lines: Annotated[
        tuple[LineRisk, ...],
        Meta(description="Where its lines differ: the ones at the highest risk, the highest first.", max_length=10),
    ] = ()


class RiskAnswer(Struct, frozen=True):
    model: Annotated[str, Meta(description="Name and version of what judged.", max_length=80)]
    claims: Annotated[tuple[ClaimRisk, ...], Meta(description="One for each claim, in order.")]
