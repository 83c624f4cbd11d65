"""Keys that change, come late or are away, and tokens that are revoked: what services notice, and when."""

import json
from pathlib import Path

import httpx
import pytest

from libs.common.access import sources
from libs.common.access.caller import Denied
from libs.common.access.directory import KeyDirectory, Wish
from libs.common.access.signing import AUDIENCE, LOCAL_ISSUER, SERVICES_ISSUER, OwnTokens, key_set, new_key, sign
from libs.common.access.sources import FileKeys, UrlKeys, WatchedFile, keys_from, read_revoked
from libs.common.access.verifier import Verifier
from libs.common.errors import Transient
from tests.support.access import claims

NOW = 1_800_000_000


class Time:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


class Site:
    """A URL that gives keys, or not."""

    def __init__(self, *keys: dict) -> None:
        self.keys = keys
        self.status = 200
        self.asked = 0

    def __call__(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        return httpx.Response(self.status, content=key_set(*self.keys), headers={"Location": "http://elsewhere"})

    def source(self, time: Time) -> UrlKeys:
        return UrlKeys("https://keys.example/jwks", time, httpx.MockTransport(self))


def token(key: dict, **changed: object) -> str:
    return sign(key, claims() | {"iat": NOW, "exp": NOW + 100_000_000} | changed)


def verifier_of(source: object, time: Time) -> Verifier:
    return Verifier({LOCAL_ISSUER: source}, AUDIENCE, seconds=time)  # type: ignore[dict-item]  # one of two kinds


async def test_an_unknown_key_is_fetched_at_once_but_strangers_cannot_make_us_ask_without_end():
    time, old, new = Time(), new_key(), new_key()
    site = Site(old)
    verifier = verifier_of(site.source(time), time)
    assert (await verifier.caller_of(token(old))).subject == "local"
    site.keys = (old, new)
    time.now += 5
    assert (await verifier.caller_of(token(new))).subject == "local"
    assert site.asked == 2
    for _ in range(50):
        with pytest.raises(Denied, match="key"):
            await verifier.caller_of(token(new_key()))
    assert site.asked == 2


async def test_a_key_that_was_taken_out_is_trusted_no_longer_than_five_minutes():
    time, old, new = Time(), new_key(), new_key()
    site = Site(old, new)
    keys = site.source(time)
    verifier = verifier_of(keys, time)
    await verifier.caller_of(token(old))
    site.keys = (new,)
    time.now += sources.REFRESH_SECONDS
    await verifier.check()
    await keys._refreshing  # type: ignore[misc]  # what went on in the background
    with pytest.raises(Denied, match="key"):
        await verifier.caller_of(token(old))
    assert (await verifier.caller_of(token(new))).subject == "local"


async def test_while_keys_are_away_at_the_start_nobody_is_let_in_and_when_they_are_back_everybody_is():
    time, key = Time(), new_key()
    site = Site(key)
    site.status = 503
    verifier = verifier_of(site.source(time), time)
    for _ in range(3):
        with pytest.raises(Transient):
            await verifier.caller_of(token(key))
    assert site.asked == 1
    site.status = 200
    time.now += sources.BACKOFF_SECONDS[0] * 2
    assert (await verifier.caller_of(token(key))).subject == "local"


async def test_keys_that_go_away_later_stay_in_force_for_a_day():
    time, key = Time(), new_key()
    site = Site(key)
    keys = site.source(time)
    verifier = verifier_of(keys, time)
    await verifier.caller_of(token(key))
    site.status = 500
    time.now += sources.STALE_SECONDS - 1
    assert (await verifier.caller_of(token(key))).subject == "local"
    await keys._refreshing  # type: ignore[misc]  # what went on in the background
    time.now += 600
    with pytest.raises(Transient):
        await verifier.caller_of(token(key))


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_no_redirect_is_followed_to_other_keys(status: int):
    time, key = Time(), new_key()
    site = Site(key)
    site.status = status
    with pytest.raises(Transient):
        await verifier_of(site.source(time), time).caller_of(token(key))
    assert site.asked == 1


@pytest.mark.parametrize("place", ["http://keys.example/jwks", "ftp://keys.example/jwks", "http://127.0.0.1.evil.example/"])
def test_keys_never_come_over_an_open_wire(place: str):
    with pytest.raises(ValueError, match="https"):
        keys_from(place, Time())


async def test_keys_of_this_machine_and_encrypted_ones_are_taken(tmp_path: Path):
    for place in ("http://127.0.0.1:9/jwks", "http://localhost/jwks", "https://keys.example/jwks"):
        keys = keys_from(place, Time())
        assert isinstance(keys, UrlKeys)
        await keys.close()
    assert isinstance(keys_from(str(tmp_path / "jwks.json"), Time()), FileKeys)


async def test_a_rotated_key_signs_at_once_and_the_one_before_is_trusted_until_its_tokens_end(tmp_path: Path):
    time = Time()
    folder = KeyDirectory(tmp_path)
    folder.prepare()
    verifier = verifier_of(FileKeys(folder.jwks, time), time)
    wish = Wish("ada", "local", ("biller",), seconds=7200)
    old, first = folder.issue(wish, NOW)
    assert (await verifier.caller_of(old)).subject == "ada"
    folder.rotate(NOW)
    new, second = folder.issue(wish, NOW)
    for each in (old, new):
        assert (await verifier.caller_of(each)).subject == "ada"
    time.now += 7200 + 3601
    folder.rotate(int(time.now))
    later, _ = folder.issue(wish, int(time.now))
    held = {key["kid"] for key in json.loads(folder.jwks.read_bytes())["keys"]}
    assert first.key_id not in held
    assert second.key_id in held
    assert (await verifier.caller_of(later)).subject == "ada"


async def test_a_key_that_is_taken_out_of_the_file_closes_what_it_opened_within_a_second(tmp_path: Path):
    time, key = Time(), new_key()
    path = tmp_path / "jwks.json"
    path.write_bytes(key_set(key))
    verifier = verifier_of(FileKeys(path, time), time)
    told = token(key)
    await verifier.caller_of(told)
    path.write_bytes(key_set(new_key()))
    time.now += sources.LOOK_SECONDS
    with pytest.raises(Denied, match="key"):
        await verifier.caller_of(told)


async def test_a_broken_file_leaves_what_it_said_before_in_force(tmp_path: Path):
    time, key = Time(), new_key()
    path = tmp_path / "jwks.json"
    verifier = verifier_of(FileKeys(path, time), time)
    with pytest.raises(Transient):
        await verifier.caller_of(token(key))
    path.write_bytes(key_set(key))
    time.now += 1
    assert (await verifier.caller_of(token(key))).subject == "local"
    path.write_bytes(b'{"keys":')
    time.now += 1
    assert (await verifier.caller_of(token(key))).subject == "local"


async def test_a_revoked_token_opens_nothing_a_second_later_also_where_it_is_remembered(tmp_path: Path):
    time = Time()
    folder = KeyDirectory(tmp_path)
    folder.prepare()
    revoked = WatchedFile(folder.revoked, read_revoked, time)
    verifier = Verifier({LOCAL_ISSUER: FileKeys(folder.jwks, time)}, AUDIENCE, revoked, time)
    told, issued = folder.issue(Wish("ada", "local", ("auditor",)), NOW)
    other, _ = folder.issue(Wish("ada", "local", ("auditor",)), NOW)
    await verifier.caller_of(told)
    assert folder.revoke(issued.token_id, NOW)
    time.now += sources.LOOK_SECONDS
    with pytest.raises(Denied, match="revoked"):
        await verifier.caller_of(told)
    assert (await verifier.caller_of(other)).subject == "ada"
    assert [each.revoked_at for each in folder.issued(NOW)] == [NOW, None]
    assert not folder.revoke("nobody's", NOW)
    assert folder.revoke("from elsewhere", NOW, ends_at=NOW + 60)


async def test_a_remembered_token_ends_when_it_says(tmp_path: Path):
    time, key = Time(), new_key()
    path = tmp_path / "jwks.json"
    path.write_bytes(key_set(key))
    verifier = verifier_of(FileKeys(path, time), time)
    told = token(key, exp=NOW + 100)
    await verifier.caller_of(told)
    time.now += 131
    with pytest.raises(Denied, match="expired"):
        await verifier.caller_of(told)


async def test_what_is_remembered_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("libs.common.access.verifier._REMEMBERED_MAX", 3)
    time, key = Time(), new_key()
    path = tmp_path / "jwks.json"
    path.write_bytes(key_set(key))
    verifier = verifier_of(FileKeys(path, time), time)
    for _ in range(5):
        await verifier.caller_of(token(key))
    assert len(verifier._known) == 3


@pytest.mark.parametrize(
    "wish",
    [
        Wish("ada", "local"),
        Wish("ada", "local", ("emperor",)),
        Wish("ada", "local", scopes=("everything",)),
        Wish("service:ingest", "local", ("auditor",)),
        Wish("", "local", ("auditor",)),
        Wish("ada", "l" * 65, ("auditor",)),
        Wish("ada", "local", ("auditor",), seconds=0),
        Wish("ada", "local", ("auditor",), seconds=400 * 86_400),
    ],
)
def test_a_token_that_would_mean_nothing_or_too_much_is_not_issued(tmp_path: Path, wish: Wish):
    folder = KeyDirectory(tmp_path)
    folder.prepare()
    with pytest.raises(ValueError, match=r"\."):
        folder.issue(wish, NOW)
    assert folder.issued(NOW) == []


def test_keys_are_for_their_owner_alone_and_tokens_are_not_kept(tmp_path: Path):
    folder = KeyDirectory(tmp_path / "access")
    folder.prepare(("ingest",))
    told, _ = folder.issue(Wish("ada", "local", ("auditor",)), NOW)
    files = [path for path in folder.folder.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o077 for path in files if path.name != "lock"} == {0}
    assert not any(told.split(".")[2].encode() in path.read_bytes() for path in files)
    assert b'"d"' not in folder.jwks.read_bytes() + folder.services_jwks.read_bytes()


async def test_a_service_makes_a_token_a_tenant_and_another_shortly_before_its_end(tmp_path: Path):
    time = Time()
    folder = KeyDirectory(tmp_path)
    folder.prepare(("appeals",))
    own = OwnTokens("appeals", folder.service_key("appeals"), seconds=time)
    verifier = Verifier({SERVICES_ISSUER: FileKeys(folder.services_jwks, time)}, AUDIENCE, seconds=time)
    first = own.token("north")
    assert own.token("north") == first
    caller = await verifier.caller_of(first)
    assert (caller.subject, caller.tenant_id) == ("service:appeals", "north")
    assert (await verifier.caller_of(own.token("south"))).tenant_id == "south"
    time.now += 241
    assert own.token("north") != first
    assert repr(own) == "OwnTokens(service:appeals)"
