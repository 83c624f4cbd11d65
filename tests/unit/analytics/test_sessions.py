"""Sessions, cookies, ID tokens and where a sign-in may lead: every way in which they must not be believed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from fastapi.routing import APIRoute
from msgspec.structs import replace

from libs.common.access.keys import Key, read_keys
from libs.common.access.scopes import PUBLIC
from libs.common.access.signing import key_set, new_key
from services.analytics.pages import api, guard, signin
from services.analytics.pages.entered import share_of
from services.analytics.pages.id_tokens import Claims, Refusal, UnknownKey, read
from services.analytics.pages.sealing import Sealer
from services.analytics.pages.sessions import Flow, Session, begin, begin_flow, next_of, origin_of
from services.analytics.scopes import SCOPES
from services.analytics.settings import AnalyticsSettings

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
KEY = new_key()
KEYS = read_keys(key_set(KEY))
ISSUER, CLIENT, NONCE = "https://id.example", "recours", "nonce"
CLAIMS = Claims("tenant", "roles")
SEALER = Sealer(b"s" * 32)
TOLD = {"iss": ISSUER, "aud": CLIENT, "sub": "ann", "tenant": "clinic", "roles": ["biller"], "nonce": NONCE}
TIMES = {"iat": NOW.timestamp(), "exp": NOW.timestamp() + 300}


def token(key: Any = KEY, algorithm: str = "EdDSA", headers: dict[str, Any] | None = None, **changed: Any) -> str:
    told = {name: value for name, value in (TOLD | TIMES | changed).items() if value is not None}
    signing = jwt.PyJWK(key, "EdDSA").key if isinstance(key, dict) else key
    return jwt.encode(told, signing, algorithm, headers={"kid": KEY["kid"]} | (headers or {}))


def person(told: object, keys: Any = KEYS) -> Any:
    return read(told, keys, ISSUER, CLIENT, NONCE, CLAIMS, NOW)


def test_a_person_is_read_from_a_token_that_holds() -> None:
    assert person(token(name="Ann Lee")).name == "Ann Lee"
    assert person(token(name="Ann\nLee", email="ann@clinic.example")).name == "ann@clinic.example"
    assert person(token(roles="biller  coder")).roles == ("biller", "coder")
    assert person(token(aud=[CLIENT, "other"], azp=CLIENT)).tenant_id == "clinic"
    assert person(token(exp=NOW.timestamp() - 59)).subject == "ann", "clocks differ"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": f"{ISSUER}/"},
        {"iss": None},
        {"aud": "other"},
        {"aud": [CLIENT, "other"]},
        {"aud": CLIENT, "azp": "other"},
        {"aud": {"recours": 1}},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": ["nonce"]},
        {"exp": NOW.timestamp() - 61},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": True},
        {"iat": NOW.timestamp() + 61},
        {"iat": None},
        {"nbf": NOW.timestamp() + 61},
        {"sub": None},
        {"sub": "ann\nlee"},
        {"sub": "a" * 201},
        {"tenant": None},
        {"tenant": ""},
        {"tenant": ["clinic"]},
        {"tenant": "clinic/other"},
        {"tenant": ".."},
        {"tenant": "clin\x00ic"},
        {"tenant": "c" * 65},
        {"sub": "service:ingest"},
    ],
    ids=str,
)
def test_a_token_of_which_anything_is_wrong_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        person(token(**changed))


def test_a_token_is_believed_by_its_key_alone() -> None:
    public = KEYS[KEY["kid"]].public
    for told in (
        token(generate_private_key(65537, 2048), "RS256"),
        token(new_key()),
        token(b"x" * 32, "HS256"),
        jwt.encode(TOLD | TIMES, "", "none", headers={"kid": KEY["kid"]}),
        token()[:-4],
        token() + "A",
        "a.b.c",
        "",
        None,
        ["a"],
        "x" * 20_000,
    ):
        with pytest.raises(Refusal):
            person(told)
    for kid in ("unknown", "../../key", ""):
        with pytest.raises(UnknownKey):
            person(token(headers={"kid": kid}))
    two = {**KEYS, "second": Key("EdDSA", public, None)}
    unnamed = jwt.encode(TOLD | TIMES, jwt.PyJWK(KEY, "EdDSA").key, "EdDSA")
    assert person(unnamed).subject == "ann", "the only key there is"
    with pytest.raises(UnknownKey):
        person(unnamed, two)


def test_what_is_sealed_opens_as_what_it_was_alone() -> None:
    flow = begin_flow("/payers", NOW)
    told = SEALER.seal("flow", flow)
    assert SEALER.open("flow", told, Flow) == flow
    assert flow.verifier not in told
    assert SEALER.open("session", told, Session) is None
    assert SEALER.open("flow", told, Session) is None, "of another shape"
    assert Sealer(b"t" * 32).open("flow", told, Flow) is None
    for place in range(0, len(told), 7):
        changed = told[:place] + ("A" if told[place] != "A" else "B") + told[place + 1 :]
        assert SEALER.open("flow", changed, Flow) is None, place
    assert SEALER.is_mark(SEALER.mark("form", "one"), "form", "one")
    for kind, about in (("form", "two"), ("visitor", "one")):
        assert not SEALER.is_mark(SEALER.mark("form", "one"), kind, about)
    assert not SEALER.is_mark("é", "form", "one")


def test_a_session_ends_with_its_token_when_idle_and_is_another_each_time() -> None:
    until = NOW + timedelta(minutes=10)
    session = begin("clinic", "ann", "Ann", {"kpis:read"}, "token", NOW, token_id="t", until=until)  # noqa: S106 - a name
    assert (session.ends_at, session.is_over(until - timedelta(seconds=1)), session.is_over(until)) == (until, False, True)
    long = begin("clinic", "ann", "Ann", {"kpis:read"}, "oidc", NOW)
    assert long.session_id != session.session_id
    assert long.seen(NOW + timedelta(seconds=30)) is long
    assert long.is_over(NOW + timedelta(minutes=30))
    seen = long.seen(NOW + timedelta(minutes=29))
    assert not replace(seen, way="token").is_over(NOW + timedelta(minutes=58))
    assert not replace(seen, way="token").is_to_be_confirmed(NOW + timedelta(minutes=58))
    assert long.is_over(NOW - timedelta(minutes=2)), "from the future"
    assert [long.is_to_be_confirmed(NOW + timedelta(minutes=after)) for after in (4, 5)] == [False, True]
    assert seen.is_over(NOW + timedelta(minutes=30)), "what the provider said is too old"
    again = seen.confirmed("Ann Lee", {"b", "a"}, NOW + timedelta(minutes=29))
    assert (again.session_id, again.ends_at, again.scopes) == (long.session_id, long.ends_at, ("a", "b"))
    assert not again.is_over(NOW + timedelta(minutes=58))


@pytest.mark.parametrize(
    "told",
    [
        None, "", "payers", "//other.test", "///other.test", "/\\other.test", "\\\\other.test", "https://other.test",
        "http:other.test",
        "/\t/other.test", "/\n/other.test", "/ /x", "/é", "javascript:alert(1)", "/sign-in", "/sign-in/start?next=/", "/sign-out",
        "/v1", "/v1/kpis", "/assets/x", "/" + "x" * 2_000, "/%zz\x00",
    ],
)  # fmt: skip
def test_a_sign_in_leads_nowhere_else(told: str | None) -> None:
    assert next_of(told) == "/"


@pytest.mark.parametrize("told", ["/", "/payers?from=2026-01-01&payer=P%201", "/denials/b3f0", "/.//other.test", "/v10"])
def test_a_sign_in_leads_to_the_page_that_was_asked_for(told: str) -> None:
    assert next_of(told) == told


@pytest.mark.parametrize(
    ("public", "host", "origin"),
    [
        ("https://recours.example/app/", "evil.test", "https://recours.example"),
        (None, "127.0.0.1:8004", "http://127.0.0.1:8004"),
        (None, "localhost", "http://localhost"),
        (None, "[::1]:8004", "http://[::1]:8004"),
        (None, "recours.example", None),
        (None, "127.0.0.1.evil.test", None),
        (None, "evil.test@127.0.0.1", None),
        (None, "127.0.0.1:8004/evil", None),
        (None, "127.0.0.1:x", None),
        (None, "", None),
        (None, None, None),
    ],
)
def test_nobody_signs_in_in_the_clear_but_on_this_machine(public: str | None, host: str | None, origin: str | None) -> None:
    assert origin_of(public, host) == origin


@pytest.mark.parametrize(
    "told",
    [
        {"public_url": "http://recours.example"},
        {"oidc_issuer": "http://id.example", "oidc_client_id": "recours"},
        {"oidc_issuer": "https://id.example"},
        {"oidc_issuer": "https://id.example?x=1", "oidc_client_id": "recours"},
    ],
    ids=str,
)
def test_settings_by_which_anybody_could_listen_are_refused(told: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"https|missing"):
        AnalyticsSettings(database_url="postgresql://x", **told)  # type: ignore[arg-type]  # as the environment tells them


def test_a_percentage_is_read_as_it_is_written_in_either_language() -> None:
    assert [share_of(each) for each in ("5", "5.5", "5,5", "many", "")] == [0.05, 0.055, 0.055, "many", ""]


def test_every_form_is_held_to_its_session_and_every_page_to_a_scope() -> None:
    pages = [route for router in api.ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    posts = [route for route in pages if "POST" in (route.methods or ())]
    held = {route.path for route in posts if any(each.call is guard._form for each in route.dependant.dependencies)}
    assert {route.path for route in posts} - held == {"/sign-in", "/sign-out"}, "these look themselves"
    public = {told.partition(" ")[2] for told, scope in SCOPES.items() if scope == PUBLIC}
    assert public == {route.path for route in signin.router.routes if isinstance(route, APIRoute)} | {"/assets/{version}/{name}"}
