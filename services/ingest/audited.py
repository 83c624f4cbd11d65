"""What each route of ingest means to the audit log."""

from typing import Final

from libs.common.audit.routes import Routes, changes, discloses, neither

AUDITED: Final[Routes] = {
    **changes("interchange", None, "postInterchange"),
    **changes("claim", None, "postClaim", "postClaims"),
    **changes("remit", "remit_id", "decideMatch"),
    **changes("followup", "followup_id", "editFollowup"),
    **changes("deposit", None, "postDeposits"),
    **changes("reference_table", "name", "loadReference"),
    **changes("payer", "payer_id", "putPayerRules"),
    **discloses("interchange", "interchange_id", "getRaw"),
    **discloses("remittance", "remittance_id", "getRemittance"),
    **discloses("remit", "remit_id", "listRemits", "getRemit", "listMatches", "getMatch"),
    **discloses("claim", "claim_id", "listClaims", "getClaim", "getContent", "getStatusInquiry", "getBalance"),
    **discloses("deidentified_export", "what", "exportDeidentified"),
    **discloses("followup", "followup_id", "listFollowups", "getFollowup"),
    **neither("listInterchanges", "getInterchange", "listTransactions", "listErrors"),
    **neither("listRemittances", "listProviderAdjustments", "listDeposits"),
    **neither("getReference", "getLoad", "listRuleChanges", "getPayerRules"),
    **neither("checkClaims"),  # nothing is kept, and what is found is told to whoever sent the claim
}
