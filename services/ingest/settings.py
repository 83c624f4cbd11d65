"""What ingest is told by its environment beyond what all services are."""

from datetime import timedelta
from pathlib import Path
from typing import Final

from pydantic import Field, HttpUrl, SecretStr, field_validator

from libs.common.settings import CommonSettings
from services.ingest.deidentified.removing import read_small_zip3
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

    small_zip3_file: Path | None = Field(
        None,
        description="first three digits of ZIP codes, a line each, of areas of 20,000 people at most; not told: all are hidden",
    )

    @field_validator("small_zip3_file")
    @classmethod
    def _can_be_read(cls, path: Path | None) -> Path | None:
        if path is not None:
            try:
                read_small_zip3(path.read_text().splitlines())
            except OSError as error:
                raise ValueError(str(error.strerror)) from None
        return path

    def small_zip3(self) -> frozenset[str] | None:
        return None if self.small_zip3_file is None else read_small_zip3(self.small_zip3_file.read_text().splitlines())

    def sandbox(self) -> Sandbox:
        tenants = (each.strip() for each in self.sandbox_tenants.split(","))
        return Sandbox(frozenset(filter(None, tenants)), timedelta(seconds=self.sandbox_seconds))
