"""What the classifier is told by its environment beyond what all services are."""

from pydantic import Field

from libs.common.settings import CommonSettings
from services.classifier.models.sealing import SealSettings


class ClassifierSettings(SealSettings, CommonSettings):
    """RECOURS_* variables of the classifier."""

    scores_keep_days: int = Field(
        400, ge=28, le=3650, description="how long what models said of claims and denials is kept, by the day of these"
    )
