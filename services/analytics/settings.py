"""What analytics is told beside the common settings."""

from urllib.parse import urlsplit

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator

from libs.common.settings import CommonSettings

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class AnalyticsSettings(CommonSettings):
    rework_cost_cents: int | None = Field(
        None,
        ge=0,
        le=10_000_000,
        description="what working one denial costs, for the KPI cost-to-rework; not told: it has no number",
    )
    webhook_loopback: bool = Field(False, description="whether webhooks may call this machine's own address, in the clear too")
    webhooks_health_port: int | None = Field(
        None, ge=1, le=65535, description="as RECOURS_HEALTH_PORT, of the process that posts webhooks, beside the worker"
    )
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

    public_url: str | None = Field(
        None,
        description="under which address browsers reach the dashboard: https://recours.example; not told: on this machine alone",
    )
    session_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="a secret, the same for all processes: sessions are sealed with it; not told: they end with the process",
    )
    oidc_issuer: str | None = Field(
        None, description="the OpenID provider where people sign in, as it calls itself; not told: they sign in by a token"
    )
    oidc_client_id: str | None = Field(None, description="how Recours is known to the provider")
    oidc_client_secret: SecretStr | None = Field(None, description="the client's secret; not told: a public client")
    oidc_tenant_claim: str = Field("tenant", description="where the provider's ID token names the tenant")
    oidc_roles_claim: str = Field("roles", description="where it names the roles: a list, or words set apart by blanks")

    @field_validator("public_url", "oidc_issuer")
    @classmethod
    def is_safe(cls, told: str | None) -> str | None:
        if told is not None:
            url = urlsplit(told)
            if not (url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOOPBACK)) or url.query or url.fragment:
                raise ValueError("an https address (http on this machine alone) without query")
        return told

    @model_validator(mode="after")
    def is_whole(self) -> "AnalyticsSettings":
        if self.oidc_issuer is not None and self.oidc_client_id is None:
            raise ValueError("RECOURS_OIDC_CLIENT_ID is missing beside RECOURS_OIDC_ISSUER")
        return self

    def urls(self) -> dict[str, str | None]:
        """Return where the other services answer, by name."""
        told = {"ingest": self.ingest_url, "classifier": self.classifier_url, "appeals": self.appeals_url}
        return {name: str(url) if url else None for name, url in told.items()}
