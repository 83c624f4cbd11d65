"""What each route of appeals means to the audit log."""

from typing import Final

from libs.common.audit.routes import Routes, changes, discloses, neither

AUDITED: Final[Routes] = {
    **changes("case", None, "nextCase"),
    **changes("case", "case_id", "takeLease", "releaseLease", "editCase", "moveCase", "fileCase", "recordOutcome", "addComment"),
    **changes("case", "case_id", "sendRecords", "sendCorrectedClaim", "collectEvidence", "waiveEvidence", "withdrawWaiver"),
    **changes("case", "case_id", "writeLetter", "editLetter", "askPacket", "logEntry", "postMessage", "postDocument", "createLink"),
    **changes("entry", "entry_id", "endPromise"),
    **changes("document", "document_id", "editDocument", "deleteDocument", "acceptDocument", "refuseDocument"),
    **changes("guest_link", "link_id", "shareMore", "endShare", "revokeLink"),
    **changes("submission", "submission_id", "beginSubmission", "fileSubmission", "takeOut"),
    **changes("bulk_action", "bulk_id", "beginBulk", "cancelBulk"),
    **changes("records_request", "request_id", "attachRecordsRequest"),
    **changes("team", "team", "putTeam"),
    **changes("payer", "payer_id", "putPayer", "putLevels"),
    **changes("checklist", "category", "setChecklist", "forgetChecklist"),
    **changes("letterhead", None, "putLetterhead"),
    **changes("letter_template", "category", "putLetterTemplate"),
    **discloses("case", "case_id", "listCases", "getCase", "getDeadlines", "getWork", "listComments", "listRefusals"),
    **discloses("case", "case_id", "listDocuments", "getEvidence", "listEntries", "listMessages", "listDisclosures"),
    **discloses("case", "case_id", "getLetter", "listLetters", "getLetterVersion", "answerRecords"),
    **discloses("case", None, "previewLetterTemplate"),
    **discloses("case", "case_id", "showCorrectedClaim", "listCorrectedClaims", "listPackets"),
    **discloses("entry", "entry_id", "getEntry"),
    **discloses("document", "document_id", "getDocument", "getContent", "listOfferedDocuments"),
    **discloses("packet", "packet_id", "getPacket", "getPacketManifest", "getPacketFile"),
    **discloses("submission", "submission_id", "listSubmissions", "getSubmission"),
    **discloses("records_request", "request_id", "listRecordsRequests"),
    # A guest's address is a secret; which case and document it opened stands in the disclosures of the case.
    **discloses("guest_link", None, "page.showPage", "page.download"),
    **changes("guest_link", None, "page.writeMessage", "page.upload"),
    **neither("headContent"),  # its size and its hash
    **neither("listTeams", "listBulks", "getBulk", "listPayers", "getPayer", "getLevels", "listLevelsVersions", "listLinks"),
    **neither("listChecklists", "getLetterhead", "listLetterTemplates", "getLetterTemplate", "listLetterTemplateVersions"),
}
