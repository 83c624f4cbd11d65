"""What each route of analytics means to the audit log. It holds no patient's data but the numbers of accounts, in few places."""

from typing import Final

from libs.common.audit.routes import Routes, changes, discloses, neither

AUDITED: Final[Routes] = {
    **changes("alert", "alert_id", "acknowledgeAlert", "resolveAlert"),
    **changes("audit", "audit_id", "beginAudit", "putReview", "putSettlement", "cancelAudit", "reassignAudit"),
    **changes("webhook", "webhook_id", "createWebhook", "deleteWebhook", "retryDelivery"),
    **changes("webhook", "webhook_id", "changeWebhook", "rotateSecret", "tryWebhook", "replayWebhook"),
    **changes("root_cause", "root_cause_id", "planAction", "makeRule"),
    **changes("root_cause_action", "action_id", "takeStep"),
    **changes("audit_schedule", "schedule_id", "addSchedule", "removeSchedule"),
    **changes("report_schedule", "schedule_id", "addReportSchedule", "removeReportSchedule"),
    **changes("recount", "recount_id", "beginRecount"),
    **changes("net_revenue", "month", "putNetRevenue"),
    **changes("rework_cost", None, "putReworkCost"),
    **discloses("root_cause", "root_cause_id", "listRootCauseClaims", "page.getRootCauseClaims"),
    **discloses("audit", "audit_id", "listAuditItems", "getReportPdf", "getReportXlsx"),
    **discloses("export", "what", "export"),
    **discloses("report", "report_id", "getReport"),
    **discloses("denial", "denial_id", "page.getDenials", "page.getDenial"),
    **discloses("case", None, "page.getAppeals"),
    **discloses("audit", "audit_id", "page.getAudit", "page.getItem"),
    **changes("audit", "audit_id", "page.planAudit", "page.cancel", "page.reassign", "page.review", "page.settle"),
    **changes("audit_schedule", "schedule_id", "page.endSchedule"),
    **neither("page.getOverview", "page.getPayers", "page.getPrevention", "page.getRootCauses", "page.getAlerts", "page.getAudits"),
    **neither("page.getPlan"),
    **neither("page.getSystem", "page.getAsset", "page.getRootCause", "page.getAction", "page.getSignIn", "page.start"),
    **neither("page.comeBack", "page.comeOut"),
    **changes("session", None, "page.signIn", "page.signOut"),
    **changes("alert", "alert_id", "page.acknowledge", "page.resolve"),
    **changes("root_cause", "root_cause_id", "page.plan", "page.tryRule"),
    **changes("root_cause_action", "action_id", "page.takeStep"),
    **neither("getDenialRate", "listKpis", "getKpi", "listRootCauses", "listAlerts", "getAlert", "follow", "getScorecards"),
    **neither("getChart"),
    **neither("listAudits", "getAudit", "getResults", "listWebhooks", "getWebhook", "listDeliveries", "getReplay", "getRecount"),
    **neither("listActions", "getAction", "getEffect", "listSchedules", "getSchedule", "listReportSchedules", "listReports"),
    **neither("getFinance", "listDenialCodes"),
}
