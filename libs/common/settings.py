"""What every process is told by its environment; nothing else configures a service."""

import sys
from typing import Any, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

S = TypeVar("S", bound="CommonSettings")


class CommonSettings(BaseSettings):
    """RECOURS_* variables. Secrets do not show themselves in logs or tracebacks."""

    model_config = SettingsConfigDict(env_prefix="RECOURS_", extra="ignore")

    database_url: SecretStr = Field(description="postgresql://role:password@host:port/database, of this process's role")
    kafka: str = Field("127.0.0.1:19092", description="bootstrap servers, host:port separated by commas")
    tenant: str = Field("local", min_length=1, max_length=64, description="the tenant of every request")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="addresses or networks, separated by commas, that may say who asks and whether by TLS (X-Forwarded-*)",
    )
    log_level: str = "INFO"
    health_port: int | None = Field(
        None, ge=1, le=65535, description="where a worker answers /livez and /readyz; nowhere if not told"
    )
    instance: str | None = Field(
        None, description="static Kafka member id: a process that comes back gets its partitions back at once"
    )


def load(settings: type[S], **known: Any) -> S:
    """Read settings, or end the process with one sentence for each variable that is missing or wrong."""
    try:
        return settings(**known)
    except ValidationError as error:
        for problem in error.errors(include_input=False):
            name = "RECOURS_" + "_".join(map(str, problem["loc"])).upper()
            print(f"{name}: {problem['msg']}", file=sys.stderr)  # noqa: T201 - logging is not set up yet
        sys.exit(2)
