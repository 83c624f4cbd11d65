"""What analytics is told beside the common settings."""

from pydantic import Field, HttpUrl

from libs.common.settings import CommonSettings


class AnalyticsSettings(CommonSettings):
    rework_cost_cents: int | None = Field(
        None,
        ge=0,
        le=10_000_000,
        description="what working one denial costs, for the KPI cost-to-rework; not told: it has no number",
    )
    webhook_loopback: bool = Field(False, description="whether webhooks may call this machine's own address, in the clear too")
    ingest_url: HttpUrl | None = Field(
        None, description="where ingest answers; not told: a root cause is not made into a payer's rule (503)"
    )
    classifier_url: HttpUrl | None = Field(
        None, description="where the classifier answers; not told: what audits find out is not told to it"
    )
