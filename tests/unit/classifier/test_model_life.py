"""A model takes the place of another only when it was held against it and was better; a file is read only as it was registered."""

import hashlib
from collections.abc import Iterator
from uuid import uuid4

import pytest

from services.classifier.models import sealing
from services.classifier.models.life import TRANSITIONS, Evaluation, is_better, refusal
from services.classifier.models.registry import Altered, proved

LIVE = uuid4()
GOOD = {"log_loss": 0.30, "pr_auc": 0.50}
POOR = {"log_loss": 0.35, "pr_auc": 0.45}


def test_a_better_model_may_be_promoted() -> None:
    assert refusal(Evaluation(LIVE, GOOD, POOR), LIVE) is None
    assert refusal(Evaluation(None, GOOD, POOR), None) is None


@pytest.mark.parametrize(
    "metrics",
    [POOR, GOOD, {"log_loss": 0.29, "pr_auc": 0.40}, {"log_loss": 0.31, "pr_auc": 0.60}, {"log_loss": float("nan"), "pr_auc": 1}],
)
def test_a_model_that_is_no_better_may_not(metrics: dict[str, float]) -> None:
    assert refusal(Evaluation(LIVE, metrics, GOOD), LIVE) == "model-not-better"


def test_a_model_that_was_never_held_against_what_is_live_now_may_not() -> None:
    assert refusal(None, LIVE) == "evaluation-outdated"
    assert refusal(Evaluation(uuid4(), GOOD, POOR), LIVE) == "evaluation-outdated"
    assert refusal(Evaluation(None, GOOD, POOR), LIVE) == "evaluation-outdated"
    assert refusal(Evaluation(LIVE, GOOD, POOR), None) == "evaluation-outdated"


def test_a_little_worse_an_order_is_chance_and_a_lot_is_not() -> None:
    assert is_better({"log_loss": 0.29, "pr_auc": 0.496}, GOOD)
    assert not is_better({"log_loss": 0.29, "pr_auc": 0.494}, GOOD)


def test_only_a_model_that_was_live_comes_back_by_a_roll_back_and_only_the_live_one_goes() -> None:
    assert [state for state, command in TRANSITIONS if command == "restore"] == ["retired"]
    assert [state for state, command in TRANSITIONS if command == "roll_back"] == ["live"]
    assert ("live", "shadow") not in TRANSITIONS


def test_a_file_with_one_other_byte_is_not_read() -> None:
    body = b"a model in plain text"
    digest = hashlib.sha256(body).hexdigest()
    assert proved("risk-1", body, digest, is_sealed=True) == body
    for told, seal in ((body.replace(b"plain", b"plaim"), True), (body, False)):
        with pytest.raises(Altered, match="risk-1 was altered"):
            proved("risk-1", told, digest, is_sealed=seal)


@pytest.fixture
def model_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RECOURS_MODEL_KEY", "a key for tests alone")
    sealing.key.cache_clear()
    yield
    sealing.key.cache_clear()


@pytest.mark.usefixtures("model_key")
def test_a_seal_is_of_one_file_of_one_model_of_one_tenant_and_of_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    model_id, other = uuid4(), uuid4()
    seal = sealing.sealed("local", model_id, "ab")
    assert sealing.is_sealed("local", model_id, "ab", seal)
    changed = [("another", model_id, "ab"), ("local", other, "ab"), ("local", model_id, "ac")]
    assert not any(sealing.is_sealed(*each, seal) for each in changed)
    assert not sealing.is_sealed("local", model_id, "ab", b"")
    monkeypatch.setenv("RECOURS_MODEL_KEY", "another key for tests")
    sealing.key.cache_clear()
    assert not sealing.is_sealed("local", model_id, "ab", seal)


def test_without_a_key_a_file_is_proved_by_its_hash_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECOURS_MODEL_KEY", raising=False)
    sealing.key.cache_clear()
    assert sealing.sealed("local", uuid4(), "ab") == b""
    assert sealing.is_sealed("local", uuid4(), "ab", b"")
