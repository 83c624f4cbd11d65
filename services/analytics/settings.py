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
        None,
        description="where ingest answers; not told: a root cause is no payer's rule (503), and pages say what they miss",
    )
    classifier_url: HttpUrl | None = Field(
        None, description="where the classifier answers; not told: audits tell it nothing, and pages say what they miss"
    )
    appeals_url: HttpUrl | None = Field(None, description="where appeals answers; not told: pages say what they miss")
    traces_url: HttpUrl | None = Field(
        None,
        description="what stands before a trace's id in a link to it: https://zipkin.example/zipkin/traces/; not told: no link",
    )

    def urls(self) -> dict[str, str | None]:
        """Return where the other services answer, by name."""
        told = {"ingest": self.ingest_url, "classifier": self.classifier_url, "appeals": self.appeals_url}
        return {name: str(url) if url else None for name, url in told.items()}
