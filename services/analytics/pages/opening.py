"""The gate as the settings want it."""

import secrets
import sys
from pathlib import Path

from libs.common.clock import Clock
from services.analytics.pages.gate import Check, Gate
from services.analytics.pages.id_tokens import Claims
from services.analytics.pages.oidc import Client, Provider
from services.analytics.pages.sealing import SECRET_BYTES_MIN
from services.analytics.settings import AnalyticsSettings


def open_gate(settings: AnalyticsSettings, clock: Clock, check: Check) -> Gate:
    """Make it, or end the process with a sentence where a file is missing or too short."""
    secret = secrets.token_bytes(SECRET_BYTES_MIN)
    if settings.session_key_file is not None:
        secret = _read(settings.session_key_file, "RECOURS_SESSION_KEY_FILE")
        if len(secret) < SECRET_BYTES_MIN:
            sys.exit(f"RECOURS_SESSION_KEY_FILE: the file holds fewer than {SECRET_BYTES_MIN} bytes")
    return Gate(secret, check, settings.public_url, _provider(settings, clock))


def _provider(settings: AnalyticsSettings, clock: Clock) -> Provider | None:
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    secret = None
    if settings.oidc_client_secret_file is not None:
        secret = _read(settings.oidc_client_secret_file, "RECOURS_OIDC_CLIENT_SECRET_FILE").decode().strip()
    claims = Claims(settings.oidc_tenant_claim, settings.oidc_roles_claim)
    return Provider(Client(settings.oidc_issuer, settings.oidc_client_id, secret, claims), clock)


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        sys.exit(f"{name}: the file cannot be read ({type(error).__name__})")
