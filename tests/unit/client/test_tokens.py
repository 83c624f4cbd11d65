"""`recours token`, and the token that every command sends."""

import json
from pathlib import Path

import httpx
import pytest

from libs.client import cli, transport
from libs.client.errors import ClientError, ProblemAnswer
from libs.client.transport import Service, own_token
from libs.common.access.caller import Denied
from libs.common.access.signing import AUDIENCE, LOCAL_ISSUER
from libs.common.access.sources import FileKeys, WatchedFile, read_revoked
from libs.common.access.verifier import Verifier

HERE = "http://127.0.0.1:8001"


@pytest.fixture
def recours(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run a command over a folder of keys; return what it says and to whom."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["recours", "token", *arguments, "--keys", str(tmp_path / "keys")])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


async def test_a_token_is_issued_listed_and_revoked_and_services_know(recours, tmp_path: Path) -> None:
    code, token, told = recours("issue", "ada", "--tenant", "north", "--role", "biller", "--scope", "models:read", "--for", "12h")
    assert (code, "for ada, tenant north" in told) == (0, True)
    moment = [1_900_000_000.0]
    keys = FileKeys(tmp_path / "keys" / "jwks.json", lambda: moment[0])
    revoked = WatchedFile(tmp_path / "keys" / "revoked.json", read_revoked, lambda: moment[0])
    verifier = Verifier({LOCAL_ISSUER: keys}, AUDIENCE, revoked)
    caller = await verifier.caller_of(token.strip())
    assert (caller.tenant_id, caller.subject, "models:read" in caller.scopes) == ("north", "ada", True)
    _, listed, _ = recours("list", "--json")
    assert json.loads(listed)["token_id"] == caller.token_id
    assert recours("revoke", caller.token_id)[0] == 0
    moment[0] += 1
    with pytest.raises(Denied, match="revoked"):
        await verifier.caller_of(token.strip())
    assert "revoked" in recours("list")[1]


async def test_after_a_rotation_new_tokens_name_another_key_and_old_ones_are_good(recours, tmp_path: Path) -> None:
    _, old, _ = recours("issue", "ada", "--role", "biller")
    assert recours("rotate-key")[0] == 0
    _, new, _ = recours("issue", "ada", "--role", "biller")
    verifier = Verifier({LOCAL_ISSUER: FileKeys(tmp_path / "keys" / "jwks.json", lambda: 0.0)}, AUDIENCE)
    assert {(await verifier.caller_of(each.strip())).subject for each in (old, new)} == {"ada"}
    assert old.split(".")[0] != new.split(".")[0]


def test_a_token_can_go_to_a_file_for_its_owner_alone(recours, tmp_path: Path) -> None:
    out = tmp_path / "ada.token"
    out.write_text("old")
    code, printed, _ = recours("issue", "ada", "--role", "biller", "--out", str(out))
    assert (code, printed, out.stat().st_mode & 0o077) == (0, "", 0)
    assert out.read_text().count(".") == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("issue", "ada"), "Name at least one role or scope."),
        (("issue", "ada", "--role", "emperor"), "no role or scope named emperor"),
        (("issue", "ada", "--role", "biller", "--for", "soon"), "a number and m, h or d"),
        (("issue", "ada", "--role", "biller", "--for", "999d"), "366 days at most"),
        (("issue", "service:ingest", "--role", "biller"), "services have keys of their own"),
        (("list",), "holds no keys"),
        (("revoke", "x"), "holds no keys"),
        (("rotate-key",), "holds no keys"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(recours, arguments: tuple[str, ...], told: str) -> None:
    code, _, said = recours(*arguments)
    assert (code, told in said.replace("\n", " ")) == (2, True), said


def test_an_unknown_token_is_not_said_to_be_revoked(recours) -> None:
    recours("issue", "ada", "--role", "biller")
    assert recours("revoke", "nobody")[0] == 2
    assert recours("revoke", "of-elsewhere", "--until", "2999-01-01")[0] == 0


def test_a_command_sends_the_token_of_the_environment_or_of_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECOURS_TOKEN", raising=False)
    monkeypatch.delenv("RECOURS_TOKEN_FILE", raising=False)
    assert own_token(HERE) is None
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "token").write_text("of.the.stack\n")
    assert own_token(HERE) == "of.the.stack"
    assert own_token("https://recours.example") is None, "the stack's token leaves this machine for nobody"
    (tmp_path / "mine").write_text("of.a.file")
    monkeypatch.setenv("RECOURS_TOKEN_FILE", "mine")
    assert own_token("https://recours.example") == "of.a.file"
    monkeypatch.setenv("RECOURS_TOKEN", "of.the.environment")
    assert own_token(HERE) == "of.the.environment"
    monkeypatch.setenv("RECOURS_TOKEN", "no token\nX-Header: 1")
    with pytest.raises(ClientError, match="is no token"):
        own_token(HERE)


def test_a_refusal_tells_where_the_token_comes_from() -> None:
    sent = []

    def refuse(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["Authorization"])
        body = {"type": "urn:recours:problem:not-authenticated", "status": 401, "detail": "The token is not accepted."}
        return httpx.Response(401, json=body, headers={"WWW-Authenticate": "Bearer"})

    ingest = Service("ingest", HERE, httpx.MockTransport(refuse), token="a.b.c")  # noqa: S106 - none that opens anything
    with ingest, pytest.raises(ProblemAnswer, match=r"not accepted.*RECOURS_TOKEN"):
        ingest.get("/v1/ledger", dict)
    assert sent == ["Bearer a.b.c"]
    assert str(transport.TOKEN_FILE) == ".local/token"
