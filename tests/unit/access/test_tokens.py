"""Tokens that must open nothing, each of them a known attack, and those that open what they say."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from libs.common.access import scopes
from libs.common.access.caller import Denied
from libs.common.access.keys import BadKeys, read_keys
from libs.common.access.signing import AUDIENCE, LOCAL_ISSUER, SERVICES_ISSUER, key_set, new_key, public_of, sign
from libs.common.access.verifier import Verifier
from tests.support.access import KEY, SERVICE_KEYS, VERIFIER, HeldKeys, claims, token


def encoded(told: Any) -> str:
    raw = told if isinstance(told, bytes) else json.dumps(told).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: dict[str, Any], told: Any, signature: bytes = b"x") -> str:
    return f"{encoded(header)}.{encoded(told)}.{encoded(signature)}"


async def reason(token: str, verifier: Verifier = VERIFIER) -> str:
    with pytest.raises(Denied) as denied:
        await verifier.caller_of(token)
    return denied.value.reason


def headed(**header: Any) -> str:
    """Return a token that is right but for what its header says."""
    key = jwt.PyJWK(KEY, "EdDSA").key
    return jwt.encode(claims(), key, "EdDSA", headers={"kid": KEY["kid"], "typ": "at+jwt", **header})


async def test_a_token_says_who_asks_for_which_tenant_and_what_they_may():
    told = token("north", sub="ada", scope="claims:read nonsense", roles=["payer_guest", "emperor"], jti="t1")
    caller = await VERIFIER.caller_of(told)
    assert (caller.tenant_id, caller.subject, caller.token_id) == ("north", "ada", "t1")
    assert caller.scopes == {"claims:read", *scopes.ROLES["payer_guest"]}


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "HS256", "HS512", "RS512", "ES512", "PS256"])
async def test_an_algorithm_that_is_not_allowed_opens_nothing(algorithm: str):
    assert await reason(forged({"alg": algorithm, "kid": KEY["kid"]}, claims())) == "algorithm"


async def test_a_token_without_a_signature_opens_nothing():
    header = {"alg": "EdDSA", "kid": KEY["kid"]}
    assert await reason(f"{encoded(header)}.{encoded(claims())}.") == "malformed"


async def test_a_public_key_is_no_shared_secret():
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    jwk = {**RSAAlgorithm.to_jwk(private, as_dict=True), "kid": "rsa"}
    verifier = Verifier(
        {LOCAL_ISSUER: HeldKeys({name: value for name, value in jwk.items() if name in ("kty", "n", "e", "kid")})}, AUDIENCE
    )
    good = jwt.encode(claims(), private, "RS256", headers={"kid": "rsa"})
    assert (await verifier.caller_of(good)).tenant_id == "local"
    for algorithm in ("HS256", "RS256"):
        signed = f"{encoded({'alg': algorithm, 'kid': 'rsa'})}.{encoded(claims())}"
        mac = hmac.new(public, signed.encode(), hashlib.sha256).digest()
        assert await reason(f"{signed}.{encoded(mac)}", verifier) in ("algorithm", "signature")


async def test_a_key_is_used_for_its_own_algorithm_alone():
    private = ec.generate_private_key(ec.SECP256R1())
    jwk = {**ECAlgorithm.to_jwk(private.public_key(), as_dict=True), "kid": "ec"}
    verifier = Verifier({LOCAL_ISSUER: HeldKeys(jwk)}, AUDIENCE)
    assert (await verifier.caller_of(jwt.encode(claims(), private, "ES256", headers={"kid": "ec"}))).subject == "local"
    head, body, signature = jwt.encode(claims(), private, "ES256", headers={"kid": "ec"}).split(".")
    other = encoded({"alg": "EdDSA", "kid": "ec"})
    assert head != other
    assert await reason(f"{other}.{body}.{signature}", verifier) == "signature"


@pytest.mark.parametrize(
    "kid", ["../../../../dev/null", "/etc/passwd", "http://evil.example/jwks", "' OR 1=1 --", "\x00", "", "x" * 4000]
)
async def test_a_key_is_looked_up_among_those_we_hold_and_nowhere_else(kid: str):
    assert await reason(headed(kid=kid)) == "key"


async def test_a_key_that_a_token_brings_along_is_not_looked_at():
    own = new_key()
    pair = jwt.PyJWK(own, "EdDSA").key
    for brought in (
        {"jwk": public_of(own)},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/"},
        {"x5c": ["AA=="]},
    ):
        token = jwt.encode(claims(), pair, "EdDSA", headers={"kid": KEY["kid"], **brought})
        assert await reason(token) == "signature"
        unknown = jwt.encode(claims(), pair, "EdDSA", headers={"kid": own["kid"], **brought})
        assert await reason(unknown) == "key"


async def test_headers_that_must_be_understood_and_are_not_open_nothing():
    assert await reason(headed(crit=["b64"], b64=False).replace("..", f".{encoded(claims())}.")) == "critical_header"
    header = {"alg": "EdDSA", "kid": KEY["kid"], "crit": ["exp"]}
    assert await reason(forged(header, claims())) == "critical_header"


async def test_an_id_token_or_another_kind_of_token_opens_nothing():
    assert await reason(headed(typ="id+jwt")) == "type"
    assert await reason(headed(typ="logout+jwt")) == "type"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"exp": 1_000_000_000}, "expired"),
        ({"nbf": 32_000_000_000}, "not_yet_valid"),
        ({"iat": 32_000_000_000, "exp": 33_000_000_000}, "not_yet_valid"),
        ({"aud": "other"}, "audience"),
        ({"aud": ["other", "recour", "recourss"]}, "audience"),
        ({"aud": []}, "audience"),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"iss": SERVICES_ISSUER}, "key"),
        ({"sub": "service:ingest"}, "subject"),
        *[({name: None}, "claims") for name in ("aud", "sub", "tenant", "exp", "iat", "jti")],
        *[({name: None}, "malformed") for name in ("iss",)],
        ({"exp": "9999999999"}, "claims"),
        ({"exp": True}, "claims"),
        ({"tenant": ["local", "north"]}, "claims"),
        ({"tenant": ""}, "claims"),
        ({"tenant": "north/1"}, "claims"),
        ({"tenant": ".."}, "claims"),
        ({"tenant": "a\x00b"}, "claims"),
        ({"tenant": "t" * 65}, "claims"),
        ({"sub": ""}, "claims"),
        ({"scope": ["claims:read"]}, "claims"),
        ({"roles": "manager"}, "claims"),
    ],
    ids=str,
)
async def test_a_claim_that_is_missing_or_wrong_opens_nothing(changed: dict[str, Any], told: str):
    token = sign(KEY, claims() | {"tenant": "local"} | changed if None not in changed.values() else claims(**changed))
    assert await reason(token) == told


async def test_a_time_that_is_no_number_never_stands_for_ever():
    for wrong in (float("nan"), float("inf")):
        assert await reason(sign(KEY, claims(exp=wrong))) == "malformed"


async def test_clocks_may_differ_by_half_a_minute():
    now = 1_800_000_000.0
    verifier = Verifier({LOCAL_ISSUER: HeldKeys(KEY)}, AUDIENCE, seconds=lambda: now)
    for changed in ({"exp": now - 29}, {"nbf": now + 29}, {"iat": now + 29}):
        assert (await verifier.caller_of(sign(KEY, claims() | {"iat": now - 60, "exp": now + 60} | changed))).subject == "local"
    for changed in ({"exp": now - 30}, {"nbf": now + 31}, {"iat": now + 31}):
        assert await reason(sign(KEY, claims() | {"iat": now - 60, "exp": now + 60} | changed), verifier) in (
            "expired",
            "not_yet_valid",
        )


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b", "a.b.c.d", "é.é.é", "x" * 9000, "a" * 3000 + ".b.c", "[]", " a.b.c", "a.b.c\n", "!.!.!"]
)
async def test_what_is_no_token_opens_nothing(token: str):
    assert await reason(token) == "malformed"


async def test_a_changed_token_opens_nothing():
    head, body, signature = sign(KEY, claims()).split(".")
    other = encoded(claims("north"))
    assert await reason(f"{head}.{other}.{signature}") == "signature"
    assert await reason(f"{head}.{body}.{encoded(b'0' * 64)}") == "signature"


async def test_a_service_signs_for_itself_alone_and_has_its_own_scopes():
    told = claims("north", iss=SERVICES_ISSUER, sub="service:ingest", roles=["manager"])
    caller = await VERIFIER.caller_of(sign(SERVICE_KEYS["ingest"], told))
    assert (caller.tenant_id, caller.scopes, caller.is_service) == ("north", scopes.SERVICES["ingest"], True)
    for subject in ("service:appeals", "ada"):
        assert await reason(sign(SERVICE_KEYS["ingest"], {**told, "sub": subject})) == "subject"
    assert await reason(sign(SERVICE_KEYS["ingest"], {**told, "iss": LOCAL_ISSUER})) == "key"


def test_keys_that_are_weak_private_symmetric_or_for_something_else_are_passed_over():
    weak = {**RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key(), as_dict=True), "kid": "weak"}  # noqa: S505 - a weak one is wanted
    curve = {**ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True), "kid": "curve"}
    good = public_of(KEY)
    told: list[object] = [weak, curve, good, {"kty": "oct", "k": "AAAA", "kid": "secret"}, {**public_of(new_key()), "use": "enc"}]
    told += [
        new_key(),
        {**public_of(new_key()), "alg": "HS256"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "short"},
        7,
        {},
    ]
    assert set(read_keys(json.dumps({"keys": told}).encode())) == {good["kid"]}


@pytest.mark.parametrize(
    "told", [b"", b"{}", b"[]", b'{"keys": 1}', b"\xff", json.dumps({"keys": [{}] * 101}).encode(), key_set(KEY, KEY)]
)
def test_what_is_no_set_of_keys_is_refused(told: bytes):
    with pytest.raises(BadKeys):
        read_keys(told)


def test_every_role_and_service_is_made_of_scopes_that_exist():
    for bundle in (*scopes.ROLES.values(), *scopes.SERVICES.values()):
        assert bundle <= scopes.SCOPES.keys()
    told_one_by_one = {"tenants:export"}  # all of any tenant, patient data and all: nobody has it by a role
    assert set(scopes.SCOPES) - told_one_by_one == frozenset().union(*scopes.ROLES.values())
