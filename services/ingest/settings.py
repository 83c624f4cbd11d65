"""What ingest is told by its environment beyond what all services are."""

from datetime import timedelta
from typing import Final

from pydantic import Field, HttpUrl, SecretStr

from libs.common.settings import CommonSettings
from services.ingest.sandbox.payer import Sandbox

WAITING_BYTES: Final = 4 * 1024**3


class IngestSettings(CommonSettings):
    """RECOURS_* variables of ingest."""

    pseudonym_key: SecretStr = Field(
        min_length=16, description="secret under which members are told apart in events without being named; at least 16 characters"
    )
    classifier_url: HttpUrl | None = Field(
        None, description="where the classifier answers; not told: checks do without what it has learned"
    )
    waiting_bytes: int = Field(WAITING_BYTES, gt=0, description="of one tenant's files that may wait to be read")
    sandbox_tenants: str = Field("", description="tenants whose payer is simulated, separated by commas")
    sandbox_seconds: float = Field(5, ge=0, le=86_400, description="how long after a claim the simulated payer's 835 comes")

    def sandbox(self) -> Sandbox:
        tenants = (each.strip() for each in self.sandbox_tenants.split(","))
        return Sandbox(frozenset(filter(None, tenants)), timedelta(seconds=self.sandbox_seconds))
