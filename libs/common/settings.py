"""What every process is told by its environment; nothing else configures a service."""

import os
import sys
import time
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, FilePath, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from libs.common.access.signing import AUDIENCE, LOCAL_ISSUER, SERVICES_ISSUER, OwnTokens
from libs.common.access.sources import WatchedFile, keys_from, read_revoked
from libs.common.access.verifier import Verifier
from libs.common.messaging.brokers import BrokerAccess, Protocol

E = TypeVar("E", bound="EnvironmentSettings")
S = TypeVar("S", bound="CommonSettings")
_PREFIX = "RECOURS_"


class _Files(PydanticBaseSettingsSource):
    """RECOURS_NAME_FILE names a file that holds what RECOURS_NAME would say, as orchestrators hand out secrets."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        named = os.environ.get(f"{_PREFIX}{field_name.upper()}_FILE")
        if not named:
            return None, field_name, False
        try:
            return Path(named).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r"), field_name, False
        except (OSError, UnicodeDecodeError):
            sys.exit(f"{_PREFIX}{field_name.upper()}_FILE: the file it names cannot be read")

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class EnvironmentSettings(BaseSettings):
    """RECOURS_* variables. Secrets do not show themselves in logs or tracebacks."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the environment, and the files that it names; a variable goes before its file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _Files(settings_cls)


class KafkaSettings(EnvironmentSettings):
    """Where the brokers are and how they are reached."""

    kafka: str = Field("127.0.0.1:19092", description="bootstrap servers, host:port separated by commas")
    kafka_protocol: Protocol = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL (a certificate may say who we are) or SASL_SSL (SCRAM)"
    )
    kafka_ca: FilePath | None = Field(
        None, description="who signed the brokers' certificates (PEM); not told: whom the system trusts"
    )
    kafka_certificate: FilePath | None = Field(None, description="our own certificate (PEM), for brokers that ask for one")
    kafka_key: FilePath | None = Field(None, description="the key of our own certificate (PEM)")
    kafka_mechanism: str = Field("SCRAM-SHA-512", description="SCRAM-SHA-512 or SCRAM-SHA-256")
    kafka_user: str | None = None
    kafka_password: SecretStr | None = None

    @model_validator(mode="after")
    def _can_reach_brokers(self) -> "KafkaSettings":
        self.broker_access()
        return self

    def broker_access(self) -> BrokerAccess:
        """Errors: ValueError where the parts do not fit together."""
        told = {name.removeprefix("kafka_"): getattr(self, name) for name in KafkaSettings.model_fields if name != "kafka"}
        return BrokerAccess.model_validate(told)


class CommonSettings(KafkaSettings):
    """What all services are told."""

    database_url: SecretStr = Field(
        description="postgresql://role:password@host:port/database, of this process's role; `?sslmode=verify-full` asks for TLS"
    )
    tenant: str = Field(
        "local",
        min_length=1,
        max_length=64,
        description="the tenant for whom models are kept ready",
    )
    issuer: str = Field(LOCAL_ISSUER, min_length=1, description="who issues the tokens of people and machines: their `iss`")
    audience: str = Field(AUDIENCE, min_length=1, description="for whom tokens must be: their `aud`")
    jwks: str | None = Field(None, min_length=1, description="the issuer's public keys: a file, or a URL (https)")
    service_jwks: str | None = Field(
        None, min_length=1, description="the public keys of our own services: a file, or a URL (https)"
    )
    revoked: Path | None = Field(None, description="the file of revoked tokens' ids; not told: none is revoked")
    service_key: Path | None = Field(None, description="the file of this service's own private key, to ask other services with")
    requests_per_second: float = Field(
        500, gt=0, description="of one tenant to one process that answers HTTP; twice as many may come at once"
    )
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    drain_seconds: float = Field(
        0,
        ge=0,
        le=300,
        description="how long an API goes on answering after SIGTERM while /readyz says that it leaves: longer than load balancers"
        " need to see that",
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="addresses or networks, separated by commas, that may say who asks and whether by TLS (X-Forwarded-*)",
    )
    log_level: str = "INFO"
    health_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="where a process answers /metrics, and a worker /livez and /readyz; nowhere if not told",
    )
    audit_signing_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="secret from which the key follows that signs the audit log; not told: nothing is signed",
    )
    audit_anchors_url: str = Field(
        ".local/audit-anchors",
        min_length=1,
        description="where the audit log is anchored: a folder, or an object store's URL",
    )
    audit_anchor_seconds: float = Field(60, gt=0, description="how often it is anchored")
    audit_keep_days: int = Field(2190, ge=90, le=36_500, description="how long entries of the audit log are kept")
    instance: str | None = Field(
        None, description="static Kafka member id: a process that comes back gets its partitions back at once"
    )


def verifier_of(settings: CommonSettings) -> Verifier:
    """Return what checks tokens, or end the process with one sentence: without keys nobody could ever be let in."""
    if settings.jwks is None:
        sys.exit("RECOURS_JWKS: names no keys, so that nobody could be let in; docs/access.md tells how to make some.")
    try:
        issuers = {settings.issuer: keys_from(settings.jwks, time.time)}
        if settings.service_jwks is not None:
            issuers[SERVICES_ISSUER] = keys_from(settings.service_jwks, time.time)
    except ValueError as error:
        sys.exit(f"RECOURS_JWKS or RECOURS_SERVICE_JWKS: {error}.")
    revoked = WatchedFile(settings.revoked, read_revoked, time.time) if settings.revoked else None
    return Verifier(issuers, settings.audience, revoked)


def own_tokens(service: str, settings: CommonSettings) -> OwnTokens | None:
    """Return the tokens with which a service asks others; None where it has no key, and then the others refuse it."""
    return OwnTokens(service, settings.service_key, settings.audience) if settings.service_key else None


def load(settings: type[E], **known: Any) -> E:
    """Read settings, or end the process with one sentence for each variable that is missing or wrong."""
    try:
        return settings(**known)
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_context=False):
            name = _PREFIX + "_".join(map(str, problem["loc"])).upper()
            print(f"{name}: {problem['msg']}", file=sys.stderr)  # noqa: T201 - logging is not set up yet
        sys.exit(2)
