"""What appeals is told by its environment beyond what all services are."""

from pydantic import Field, HttpUrl, SecretStr

from libs.common.settings import CommonSettings
from services.appeals.filing.channels import Channel, channels_of


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
    filing_folder: str | None = Field(None, min_length=1, description="the folder of the channel `folder`; not told: there is none")
    filing_url: HttpUrl | None = Field(None, description="where the channel `https` posts packets; not told: there is none")
    filing_secret: SecretStr | None = Field(None, min_length=24, description="what the channel `https` signs with")
    filing_loopback: bool = Field(False, description="whether `filing_url` may be this machine's own address")

    def channels(self) -> dict[str, Channel]:
        """Return the channels that are set up, by name."""
        secret = self.filing_secret.get_secret_value().encode() if self.filing_secret else None
        url = str(self.filing_url) if self.filing_url else None
        return channels_of(self.filing_folder, url, secret, loopback=self.filing_loopback)
