"""`python -m services.ingest.keys show|rotate TENANT`: a tenant's data keys in ingest, and how far their rotation is."""

from libs.common.sealing import command
from services.ingest.seals import PLACES

if __name__ == "__main__":
    command.main("ingest", [place.name for place in PLACES])
