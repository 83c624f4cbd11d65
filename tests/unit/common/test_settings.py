"""Settings come from the environment or from files that it names, and a secret among them shows itself nowhere."""

import io
import logging
from importlib import import_module
from pathlib import Path

import pytest
import structlog

from libs.common import logs
from libs.common.database import Database
from libs.common.messaging.brokers import BrokerAccess
from libs.common.settings import CommonSettings, KafkaSettings, load
from services.appeals.settings import AppealsSettings
from services.ingest.settings import IngestSettings

SECRET = "s3cret-of-a-test"  # noqa: S105 - of a test
URL = f"postgresql://ingest_api:{SECRET}@127.0.0.1:5432/recours"
SETTINGS = [
    vars(import_module(f"services.{service}.settings"))[f"{service.title()}Settings"]
    for service in ("ingest", "classifier", "appeals", "analytics")
]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hand out every secret of ingest as a file, as an orchestrator does."""
    for name, value in {"DATABASE_URL": URL, "PSEUDONYM_KEY": SECRET, "KAFKA_PASSWORD": SECRET}.items():
        monkeypatch.delenv(f"RECOURS_{name}", raising=False)
        (tmp_path / name).write_text(value + "\n")
        monkeypatch.setenv(f"RECOURS_{name}_FILE", str(tmp_path / name))


@pytest.mark.usefixtures("files")
def test_a_secret_is_read_from_the_file_that_the_environment_names() -> None:
    settings = load(IngestSettings)
    assert settings.database_url.get_secret_value() == URL
    assert settings.pseudonym_key.get_secret_value() == SECRET


@pytest.mark.usefixtures("files")
def test_a_variable_goes_before_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOURS_PSEUDONYM_KEY", "another of 16 and more")
    assert load(IngestSettings).pseudonym_key.get_secret_value() == "another of 16 and more"


def test_a_file_that_is_not_there_is_told_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOURS_DATABASE_URL_FILE", "/nowhere/at/all")
    with pytest.raises(SystemExit, match="RECOURS_DATABASE_URL_FILE"):
        load(CommonSettings)


@pytest.mark.usefixtures("files")
def test_secrets_show_themselves_in_no_text_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOURS_KAFKA_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("RECOURS_KAFKA_USER", "ingest")
    settings = load(IngestSettings)
    access = settings.broker_access()
    told = [
        repr(settings),
        str(settings),
        settings.model_dump_json(),
        str(settings.model_dump()),
        repr(access),
        access.model_dump_json(),
    ]
    assert [each for each in told if SECRET in each] == []
    assert SECRET not in repr(Database(URL).engine) + str(Database(URL).engine.url)


def test_a_setting_that_is_wrong_is_told_without_what_was_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECOURS_DATABASE_URL", URL)
    monkeypatch.setenv("RECOURS_PSEUDONYM_KEY", SECRET[:8])
    with pytest.raises(SystemExit):
        load(IngestSettings)
    told = capsys.readouterr().err
    assert told.startswith("RECOURS_PSEUDONYM_KEY: ")
    assert SECRET[:8] not in told


def test_whatever_is_called_a_secret_is_kept_as_one() -> None:
    words = ("password", "secret", "_key", "token", "database_url")
    kept = {
        f"{settings.__name__}.{name}": field.annotation
        for settings in SETTINGS
        for name, field in settings.model_fields.items()
        if any(word in name for word in words) and "Path" not in str(field)  # a file's name is no secret
    }
    assert "IngestSettings.pseudonym_key" in kept
    assert [name for name, annotation in kept.items() if "SecretStr" not in str(annotation)] == []


def test_a_secret_that_is_handed_to_the_log_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr("sys.stdout", written)
    before = structlog.get_config()
    try:
        logs.set_up("test", "INFO")
        log = structlog.get_logger()
        settings = IngestSettings.model_validate({"database_url": URL, "pseudonym_key": SECRET})
        log.info("started", settings=settings, database_url=URL, reason=settings)
        try:
            int(URL)  # whose error quotes it
        except ValueError:
            log.exception("failed")
            logging.getLogger("sqlalchemy").exception("cannot connect to %s", URL)
    finally:
        structlog.configure(**before)
        logging.basicConfig(handlers=[logging.NullHandler()], force=True)
    assert "started" in written.getvalue()
    assert SECRET not in written.getvalue()


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"kafka_protocol": "SASL_SSL"}, "needs a user"),
        ({"kafka_protocol": "SSL", "kafka_certificate": __file__}, "come together"),
        ({"kafka_user": "ingest"}, "PLAINTEXT proves"),
    ],
)
def test_an_access_to_the_brokers_that_is_not_whole_is_refused_at_the_start(told: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        KafkaSettings.model_validate(told)


def test_brokers_in_the_clear_are_the_default_and_need_nothing() -> None:
    assert BrokerAccess.model_validate({}).options() == {}
    assert AppealsSettings.model_validate({"database_url": URL}).broker_access().options() == {}
