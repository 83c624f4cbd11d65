"""A site of its own for chaos, once a session."""

from collections.abc import Iterator

import pytest

from tests.chaos.site import Site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    try:
        site.start()
        yield site
    finally:
        site.discard()
