"""`python -m services.analytics.keys show|rotate TENANT`: a tenant's data keys in analytics, and how far their rotation is."""

from libs.common.sealing import command
from services.analytics.seals import PLACES

if __name__ == "__main__":
    command.main("analytics", [place.name for place in PLACES])
