"""`python -m services.classifier.keys show|rotate TENANT`: a tenant's data keys in classifier, and how far their rotation is."""

from libs.common.sealing import command
from services.classifier.seals import PLACES

if __name__ == "__main__":
    command.main("classifier", [place.name for place in PLACES])
