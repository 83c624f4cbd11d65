"""The seal of a model's file: made with a key that the database does not hold, so that who can write a file there cannot seal it.

The key is RECOURS_MODEL_KEY, the same for all processes of the classifier. Where none is told nothing is sealed, and the SHA-256
beside the file is all that it is proved by; where one is told, a file without its seal is not read.
"""

import hashlib
import hmac
from functools import cache
from uuid import UUID

from pydantic import Field, SecretStr

from libs.common.settings import EnvironmentSettings, load


class SealSettings(EnvironmentSettings):
    """What a seal is made with."""

    model_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="secret with which files of models are sealed; not told: they are proved by their hash alone",
    )


@cache
def key() -> bytes | None:
    told = load(SealSettings).model_key
    return None if told is None else told.get_secret_value().encode()


def sealed(tenant_id: str, model_id: UUID, sha256: str) -> bytes:
    """Return the seal of a file: it holds for this model of this tenant alone. Empty where there is no key."""
    with_key = key()
    about = "\n".join(("recours.model.v1", tenant_id, str(model_id), sha256)).encode()
    return b"" if with_key is None else hmac.digest(with_key, about, hashlib.sha256)


def is_sealed(tenant_id: str, model_id: UUID, sha256: str, seal: bytes) -> bool:
    """Say whether a seal is the one that this file has; without a key nobody can say otherwise."""
    return key() is None or hmac.compare_digest(seal, sealed(tenant_id, model_id, sha256))
