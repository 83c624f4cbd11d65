"""What appeals is told by its environment beyond what all services are."""

from pydantic import Field, HttpUrl

from libs.common.settings import CommonSettings


class AppealsSettings(CommonSettings):
    """RECOURS_* variables of appeals."""

    ingest_url: HttpUrl | None = Field(
        None, description="where ingest answers; not told: what needs a claim or a remittance is refused with 503"
    )
    classifier_url: HttpUrl | None = Field(
        None, description="where the classifier answers; not told: letters, which say what codes mean, are refused with 503"
    )
    documents_url: str = Field(
        ".local/documents", min_length=1, description="where documents are kept: a folder, or an object store (s3://, gs://, az://)"
    )
    packets_url: str = Field(".local/packets", min_length=1, description="where packets are kept: as documents, but not among them")
