"""The columns that analytics seals: the secrets by which webhooks are signed, answers kept for an Idempotency-Key."""

from typing import Final

from libs.common.sealing.answers import ANSWER
from libs.common.sealing.cipher import Place
from libs.common.tenants.holdings import Holdings, Sealed

SECRET: Final = Place("webhooks", "secret", (("webhook_id", "uuid"),))
OLD_SECRET: Final = Place("webhooks", "old_secret", SECRET.key)
PLACES: Final = (SECRET, OLD_SECRET, ANSWER)
# Who holds a webhook's secret can tell its receiver what we did not say: no archive shows it.
HOLDINGS: Final = Holdings("analytics", (Sealed(ANSWER),), withheld={"webhooks": ("secret", "old_secret")})
