"""Key figures counted from raw events alone, without any code of the services: what analytics is held against."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]


def newest(records: Iterable[Any], *names: str) -> list[Event]:
    """Return the data of each event of the tenant `local` as it was told last, by the fields that name it."""
    found: dict[tuple[Any, ...], tuple[int, Event]] = {}
    for record in records:
        headers = dict(record.headers)
        if headers.get("ce_tenantid") != b"local":  # a record that nobody can read has none
            continue
        data = json.loads(record.value)
        sequence = int(headers["ce_sequence"])
        key = tuple(data.get(name) for name in names)
        if key not in found or found[key][0] <= sequence:
            found[key] = (sequence, data)
    return [data for _, data in found.values()]


@dataclass
class Counted:
    """What was sent and answered, claim by claim: corrections and parts belong to the first claim of their chain."""

    claims: list[Event]
    answers: list[Event]
    remits: list[Event]
    matches: list[Event]
    denials: list[Event]
    by_id: dict[str, Event] = field(init=False)
    refusal: dict[str, Event] = field(init=False)

    def __post_init__(self) -> None:
        self.by_id = {claim["claim_id"]: claim for claim in self.claims}
        self.refusal = {each["remit_id"]: each for each in self.denials if "acknowledgement_id" not in each}
        later = {each["remit_id"]: each.get("claim_id") for each in self.matches}
        for remit in self.remits:
            remit["claim_id"] = later.get(remit["remit_id"], remit.get("claim_id"))

    def first(self, claim_id: str) -> str:
        seen: set[str] = set()
        while claim_id not in seen and (before := self.by_id[claim_id].get("replaces_claim_id")) in self.by_id:
            seen.add(claim_id)
            claim_id = before
        return claim_id

    def first_answers(self, period: tuple[str, str]) -> list[tuple[Event, list[Event]]]:
        """Return claims whose first answer was paid in a period, with the remits of that answer."""
        chains: defaultdict[str, list[Event]] = defaultdict(list)
        for remit in self.remits:
            counts = remit["claim_status_code"] in ("1", "4", "19")
            if counts and remit["claim_id"] in self.by_id:
                chains[self.first(remit["claim_id"])].append(remit)
        found = []
        for claim_id, remits in chains.items():
            claim, charged = self.by_id[claim_id], 0
            answer: list[Event] = []
            if claim.get("payer_sequence", "P") != "P":
                continue
            for remit in sorted(remits, key=lambda each: (each["payment_on"], each["received_at"], each["remit_id"])):
                same_payer = not answer or remit["payer_id"] == answer[0]["payer_id"]
                if not answer or (same_payer and charged + remit["charge_cents"] <= claim["charge_cents"]):
                    answer.append(remit)
                    charged += remit["charge_cents"]
            if period[0] <= answer[0]["payment_on"] <= period[1]:
                found.append((claim, answer))
        return found

    def rate(self, period: tuple[str, str], of: Callable[[Event, list[Event]], int]) -> tuple[int, int]:
        """Return (of initially denied claims, of all claims) what `of` says of each."""
        all_of = denied_of = 0
        for claim, answer in self.first_answers(period):
            all_of += of(claim, answer)
            if any(self.refusal.get(remit["remit_id"], {}).get("denied_cents", 0) > 0 for remit in answer):
                denied_of += of(claim, answer)
        return denied_of, all_of

    def submitted(self) -> dict[str, list[str]]:
        """Return the words of front doors by first claim; voids and claims to later payers are none."""
        words: dict[str, list[str]] = {
            each["claim_id"]: []
            for each in self.claims
            if self.first(each["claim_id"]) == each["claim_id"]
            and each["frequency_code"] != "8"
            and each.get("payer_sequence", "P") == "P"
        }
        for answer in self.answers:
            if answer.get("claim_id") in self.by_id and (first := self.first(answer["claim_id"])) in words:
                words[first].append(answer["status"])
        return words

    def clean(self) -> tuple[int, int]:
        words = self.submitted()
        faultless = [
            claim_id
            for claim_id, told in words.items()
            if "rejected" not in told and not any(each["severity"] == "error" for each in self.by_id[claim_id].get("findings", ()))
        ]
        return len(faultless), len(words)

    def rejected(self) -> tuple[int, int]:
        told: Sequence[list[str]] = list(self.submitted().values())
        return sum("rejected" in each for each in told), sum("rejected" in each or "accepted" in each for each in told)

    def refused_cents(self, period: tuple[str, str]) -> int:
        return sum(each["denied_cents"] for each in self.refusal.values() if period[0] <= each["payment_on"] <= period[1])
