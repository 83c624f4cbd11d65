"""`make test-docker`: the tests that need a Docker engine; without one that is here or can be started it says so and is done."""

import os
import sys

import pytest

from tests.docker.engine import NoEngine, engine
from tests.docker.standins import KAFKA, POSTGRES, PYTHON, provide, provide_compose


def main() -> int:
    os.environ |= {"DOCKER_BUILDKIT": "0", "TESTCONTAINERS_RYUK_DISABLED": "true"}
    try:
        with engine():
            made = provide(PYTHON, POSTGRES, KAFKA)
            provide_compose()
            print("Stand-ins, since no image registry was reached:" if made else "Images of the registry.", *made, flush=True)
            return int(pytest.main(["-q", "--timeout", "900", "tests/docker", *sys.argv[1:]]))
    except NoEngine as error:
        print(f"Nothing of tests/docker was run: {error}.")
        return 0


if __name__ == "__main__":
    sys.exit(main())
