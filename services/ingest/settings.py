"""What ingest is told by its environment beyond what all services are."""

from pydantic import Field, SecretStr

from libs.common.settings import CommonSettings


class IngestSettings(CommonSettings):
    """RECOURS_* variables of ingest."""

    pseudonym_key: SecretStr = Field(
        min_length=16, description="secret under which members are told apart in events without being named; at least 16 characters"
    )
