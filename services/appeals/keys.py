"""`python -m services.appeals.keys show|rotate TENANT`: a tenant's data keys in appeals, and how far their rotation is."""

from libs.common.sealing import command
from services.appeals.seals import OBJECTS, PLACES

if __name__ == "__main__":
    command.main("appeals", [*(place.name for place in PLACES), *OBJECTS])
