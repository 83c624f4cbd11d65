"""What may be done, in scopes, and who may do it, in roles: each a bundle of scopes. Pure; docs/access.md is made from it."""

from collections.abc import Iterable, Mapping
from typing import Final

PUBLIC: Final = "public"  # of a route that asks for no token

SCOPES: Final[Mapping[str, str]] = {
    "interchanges:read": "which files came in, and how far their reading is",
    "interchanges:content": "the bytes of a file, with patient data",
    "interchanges:write": "send files",
    "claims:read": "claims, their life and their balance, without patient data",
    "claims:content": "whole claims and inquiries about them, with patient data",
    "claims:write": "send claims",
    "claims:check": "have claims checked before they are sent",
    "remittances:read": "payments, remits, and adjustments of providers",
    "matches:read": "which claim a remit answers",
    "matches:write": "decide which claim a remit answers",
    "followups:read": "what waits too long or does not add up",
    "followups:write": "put follow-ups off, close them, give them to somebody",
    "deposits:read": "deposits",
    "deposits:write": "tell of deposits",
    "reference:read": "releases of reference tables",
    "reference:write": "load releases of reference tables",
    "payer-rules:read": "what each payer asks for",
    "payer-rules:write": "change what a payer asks for",
    "denials:read": "denials, their reasons and odds",
    "denials:classify": "have any claim judged, without keeping it",
    "codes:read": "what reason codes mean",
    "rules:read": "rules of the judgement, replays, labels and their evaluation",
    "rules:write": "change and publish rules, replay history under them",
    "labels:write": "say what a denial really is",
    "risk:read": "how likely claims are to be refused",
    "models:read": "models, their measures and their drift",
    "models:write": "train, promote and roll back models",
    "cases:read": "cases, their work, evidence, correspondence and messages",
    "cases:write": "work on cases",
    "cases:bulk": "do something to many cases at once",
    "cases:file": "send appeals, corrected claims and records to payers",
    "teams:write": "who is in which team",
    "documents:read": "documents of a case, with patient data",
    "documents:write": "send, describe and remove documents",
    "letters:read": "letters and packets, with patient data",
    "letters:write": "write letters and make packets",
    "settings:read": "letterhead, templates, checklists, payers' addresses and levels",
    "settings:write": "change letterhead, templates, checklists, payers' addresses and levels",
    "guests:write": "make links for guests, share with them, end them",
    "disclosures:read": "what was shown to whom outside",
    "kpis:read": "key figures, root causes, scorecards, the dashboard",
    "kpis:write": "tell net revenue and what working a denial costs",
    "causes:write": "act on root causes",
    "alerts:read": "alerts, also as they happen",
    "alerts:write": "take alerts up and end them",
    "audits:read": "audits, their items, results and reports",
    "audits:write": "draw audits, schedule and cancel them, name other reviewers",
    "audits:review": "review an audit's items",
    "exports:read": "exports and scheduled reports",
    "exports:write": "schedule reports",
    "deidentified:read": "claims and adjudications without what says whose they are",
    "webhooks:read": "webhooks and their deliveries",
    "webhooks:write": "make and end webhooks, repeat deliveries",
    "ledger:read": "what each service has booked",
    "operations:read": "dead letters, what waits to be sent, recounts, the system page",
    "operations:write": "replay dead letters, count again",
    "audit-log:read": "the audit log, and whether it is whole",
    "retention:read": "how long what is kept",
    "retention:write": "say how long what is kept; what is older goes",
    "tenants:admin": "which tenants are served and which are under legal hold: see and change that",
    "tenants:export": "all that is held of any tenant, patient data and all; in no role",
}

_READS: Final = frozenset(name for name in SCOPES if name.endswith(":read"))
_CASEWORK: Final = frozenset({
    "cases:read", "cases:write", "documents:read", "documents:write", "letters:read", "settings:read",
    "denials:read", "codes:read", "claims:read", "claims:content", "remittances:read", "matches:read", "kpis:read",
})  # fmt: skip

ROLES: Final[Mapping[str, frozenset[str]]] = {
    "integrator": frozenset({
        "interchanges:read", "interchanges:write", "claims:read", "claims:write", "claims:check", "remittances:read",
        "matches:read", "deposits:read", "deposits:write", "reference:read", "reference:write", "payer-rules:read", "denials:read",
        "denials:classify", "codes:read", "risk:read", "webhooks:read", "webhooks:write", "alerts:read", "ledger:read",
    }),
    "biller": frozenset({
        "interchanges:read", "interchanges:content", "interchanges:write", "claims:read", "claims:content", "claims:write",
        "claims:check", "remittances:read", "matches:read", "matches:write", "followups:read", "followups:write", "deposits:read",
        "deposits:write", "payer-rules:read", "denials:read", "denials:classify", "codes:read", "risk:read", "cases:read",
        "cases:write", "documents:read", "documents:write", "settings:read", "kpis:read", "alerts:read", "ledger:read",
    }),
    "coder": _CASEWORK | {
        "claims:check", "denials:classify", "labels:write", "rules:read", "risk:read", "reference:read", "payer-rules:read",
        "audits:read", "audits:review",
    },
    "appeals_specialist": _CASEWORK | {
        "cases:bulk", "cases:file", "letters:write", "guests:write", "disclosures:read", "claims:check", "followups:read",
        "payer-rules:read", "alerts:read", "audits:read", "audits:review",
    },
    "manager": _READS - {"operations:read", "audit-log:read"} | _CASEWORK | {
        "interchanges:content", "interchanges:write", "claims:write", "claims:check", "matches:write", "followups:write",
        "deposits:write", "denials:classify", "rules:write", "labels:write", "payer-rules:write", "models:write", "cases:bulk",
        "cases:file", "teams:write", "letters:write", "settings:write", "guests:write", "kpis:write", "causes:write",
        "alerts:write", "audits:write", "audits:review", "exports:write", "webhooks:write", "retention:write",
    },
    "auditor": _READS | {"claims:content", "interchanges:content"},
    "payer_guest": frozenset({"codes:read"}),
    "operator": frozenset({
        "operations:read", "operations:write", "ledger:read", "interchanges:read", "reference:read", "reference:write",
        "models:read", "models:write", "rules:read", "webhooks:read", "codes:read", "tenants:admin",
    }),
}  # fmt: skip

SERVICES: Final[Mapping[str, frozenset[str]]] = {
    "ingest": frozenset({"risk:read"}),
    "classifier": frozenset(),
    "appeals": frozenset({
        "claims:read", "claims:content", "claims:check", "claims:write", "matches:read", "remittances:read", "codes:read",
    }),
    "analytics": frozenset({
        "labels:write", "payer-rules:read", "payer-rules:write", "denials:read", "cases:read", "claims:read", "remittances:read",
        "interchanges:read", "ledger:read", "operations:read",
    }),
}  # fmt: skip


def of(scope: str, roles: Iterable[str]) -> frozenset[str]:
    """Return what a token's `scope` and `roles` come to. What we do not know opens nothing."""
    granted = frozenset(scope.split()) & SCOPES.keys()
    return frozenset(granted).union(*(ROLES.get(role, frozenset()) for role in roles))
