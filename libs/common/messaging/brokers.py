"""How to reach the brokers: in the clear, over TLS, or over TLS with a name and a password; every Kafka client is made with it."""

import ssl
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr, model_validator

Protocol = Literal["PLAINTEXT", "SSL", "SASL_SSL"]


class BrokerAccess(BaseModel):
    """Who we are for the brokers, and whom we take for them. `options` is what a client is made with beside its addresses."""

    model_config = ConfigDict(frozen=True)

    protocol: Protocol = "PLAINTEXT"
    ca: FilePath | None = Field(None, description="who signed the brokers' certificates (PEM); None: whom the system trusts")
    certificate: FilePath | None = Field(
        None, description="our own certificate and those above it (PEM), for brokers that ask for one"
    )
    key: FilePath | None = None
    mechanism: Literal["SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    user: str | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "BrokerAccess":
        if self.protocol == "SASL_SSL" and not (self.user and self.password):
            raise ValueError("SASL_SSL needs a user and a password")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a certificate and its key come together")
        if self.protocol == "PLAINTEXT" and (self.certificate or self.user or self.ca):
            raise ValueError("PLAINTEXT proves nobody's name: say SSL or SASL_SSL")
        return self

    def options(self) -> dict[str, Any]:
        """Errors: OSError where a file is no certificate or no key."""
        if self.protocol == "PLAINTEXT":
            return {}
        context = ssl.create_default_context(cafile=self.ca)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        told: dict[str, Any] = {"security_protocol": self.protocol, "ssl_context": context}
        if self.protocol == "SASL_SSL" and self.password is not None:
            told |= {"sasl_mechanism": self.mechanism, "sasl_plain_username": self.user}
            told["sasl_plain_password"] = self.password.get_secret_value()
        return told


OPEN = BrokerAccess.model_validate({})
