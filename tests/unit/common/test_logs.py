"""What libraries say comes out as lines of ours, and what they say hundreds of times a second comes out once."""

import logging
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from libs.common import logs


@pytest.fixture
def library() -> Iterator[logging.Logger]:
    logger, handler = logging.getLogger("aiokafka.tried"), logs._Forward()
    logger.addHandler(handler)
    logger.propagate = False
    yield logger
    logger.removeHandler(handler)
    logger.propagate = True


def complain(library: logging.Logger, partition: int) -> None:
    library.error("No broker leads partition %s", partition)


def test_a_library_that_repeats_itself_is_written_down_once_and_then_with_how_often(
    library: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("libs.common.logs.time.monotonic", lambda: now)
    with capture_logs() as lines:
        for partition in range(300):
            complain(library, partition)
        library.error("Something else")
        now += 6
        complain(library, 7)
    assert [(line["reason"], line.get("count")) for line in lines] == [
        ("No broker leads partition 0", None),
        ("Something else", None),
        ("No broker leads partition 7", 300),
    ]


def test_each_exception_is_news(library: logging.Logger) -> None:
    with capture_logs() as lines:
        for error in (ValueError("of a patient"), KeyError("of another")):
            library.error("A task failed", exc_info=error)
    assert [line["exc_info"][0] for line in lines] == [ValueError, KeyError]
