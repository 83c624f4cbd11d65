"""The gate as the settings want it."""

from secrets import token_bytes

from libs.common.clock import Clock
from services.analytics.pages.gate import Check, Gate
from services.analytics.pages.id_tokens import Claims
from services.analytics.pages.oidc import Client, Provider
from services.analytics.settings import AnalyticsSettings

_SECRET_BYTES = 32


def open_gate(settings: AnalyticsSettings, clock: Clock, check: Check) -> Gate:
    told = settings.session_key
    secret = told.get_secret_value().encode() if told else token_bytes(_SECRET_BYTES)
    return Gate(secret, check, settings.public_url, _provider(settings, clock))


def _provider(settings: AnalyticsSettings, clock: Clock) -> Provider | None:
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    secret = settings.oidc_client_secret
    claims = Claims(settings.oidc_tenant_claim, settings.oidc_roles_claim)
    told = secret.get_secret_value() if secret else None
    return Provider(Client(settings.oidc_issuer, settings.oidc_client_id, told, claims), clock)
