"""What each route of the classifier means to the audit log."""

from typing import Final

from libs.common.audit.routes import Routes, changes, discloses, neither

AUDITED: Final[Routes] = {
    **changes("rules", "version", "draftRules", "publishRules"),
    **changes("replay", "replay_id", "beginReplay", "applyReplay", "cancelReplay"),
    **changes("denial", "denial_id", "putLabel"),
    **changes("model_job", "job_id", "train", "cancelJob"),
    **changes("model", "model_id", "rollBack", "evaluate", "promote", "beginShadow", "endShadow"),
    **changes("claim", None, "postRisk"),  # what the models said of claims is kept
    **discloses("denial", "denial_id", "listDenials", "listChanges", "getDenial"),
    **neither("classify", "checkRules"),  # nothing is kept
    **neither("listOdds", "getOddsEvaluation", "listCarcs", "listRarcs", "getCarc", "getRarc", "listRules", "getRules"),
    **neither("listReplays", "getReplay", "listChanged", "listLabels", "getEvaluation"),
    **neither("listJobs", "getJob", "listModels", "getModel", "getShadow", "getDrift"),
}
