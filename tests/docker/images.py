"""Recours' own images, built from deploy/Dockerfile."""

from deploy.local.layout import ROOT, SERVICES
from tests.docker.standins import PYTHON, docker, provide

_BUILD_SECONDS = 900
VERSION = "test"


def build(service: str) -> str:
    """Build one service's image, or that of `provision`; return its name."""
    provide(PYTHON)
    image = f"recours/{service}:{VERSION}"
    target = service if service not in SERVICES else "service"
    options = ["--build-arg", f"SERVICE={service}", "--target", target, "--tag", image, "--file", "deploy/Dockerfile"]
    docker("build", "--quiet", "--network", "host", *options, ".", seconds=_BUILD_SECONDS, folder=ROOT)
    return image


def mebibytes(image: str) -> int:
    """Return how large an image is, its base included."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", image)) // 2**20
