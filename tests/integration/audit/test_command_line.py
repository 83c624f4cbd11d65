"""`recours audit` against ingest as its process serves it: listed, exported, verified, and what is touched is told."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import asyncpg
import httpx
import pytest

from deploy.local.stack import Stack
from libs.common.audit.anchors import open_anchors
from libs.common.audit.sealing import AuditAnchorer, AuditSealer
from libs.common.audit.seals import Signer
from libs.common.clock import SystemClock
from libs.common.database import Database
from services.ingest.claims.examples import PROFESSIONAL
from tests.integration.client.conftest import Run, recours
from tests.integration.http.test_contract import served
from tests.support import ServiceDatabase, run_apart
from tests.support.access import PERSON, bearer

__all__ = ["recours"]


async def seal_and_anchor(url: str, folder: Path) -> None:
    worker, signer = Database(url), Signer("a secret of the tests, long enough")
    sealer = AuditSealer("ingest", worker, SystemClock(), signer)
    for _ in range(3000):  # whoever has a transaction open, if only for a moment, holds sealing back
        if await sealer.seal():
            break
        await asyncio.sleep(0.01)
    await AuditAnchorer("ingest", worker, open_anchors(str(folder)), signer).anchor()
    await worker.close()


async def edit(admin_url: str, database: str) -> None:
    superuser = await asyncpg.connect(f"{admin_url.rpartition('/')[0]}/{database}")
    await superuser.execute(
        "SET session_replication_role = replica; UPDATE audit_log SET subject = 'nobody' WHERE action = 'getContent'"
    )
    await superuser.close()


def test_the_log_is_listed_exported_and_verified_and_an_edit_is_told(
    servers: Stack,
    service_database: Callable[[str], ServiceDatabase],
    recours: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    made, anchors, file = service_database("ingest"), tmp_path / "anchors", tmp_path / "log.jsonl"
    with served("ingest", made) as url:
        monkeypatch.setenv("RECOURS_INGEST_URL", url)
        claim_id = httpx.post(f"{url}/v1/claims", json=PROFESSIONAL, headers=bearer()).raise_for_status().json()["claim_id"]
        httpx.get(f"{url}/v1/claims/{claim_id}/content", headers=bearer()).raise_for_status()
        assert httpx.get(f"{url}/v1/claims/{claim_id}/content", headers=bearer(scope="claims:read")).status_code == 403
        run_apart(seal_and_anchor(made.worker_url, anchors))
        one = ("--service", "ingest")
        status, out, _ = recours("audit", "list", *one, "--object", claim_id, "--json")
        told = [json.loads(line)["entry"] for line in out.splitlines()]
        assert [(each["action"], each["outcome"]) for each in told] == [
            ("getContent", "refused"), ("getContent", "disclosed"), ("postClaim", "changed"),
        ]  # fmt: skip
        assert {each["subject"] for each in told} == {PERSON}
        assert all(each["token_id"] for each in told)
        assert recours("audit", "export", file, *one)[0] == 0
        status, out, _ = recours("audit", "verify", *one, "--anchors", anchors)
        assert (status, out) == (0, "ingest: whole: places 1 to 3, 1 seals, 1 anchors.\n")
        status, out, _ = recours("audit", "verify", "--file", file, "--anchors", anchors, "--json")
        assert (status, json.loads(out)["is_whole"], json.loads(out)["unproven"]) == (0, True, [])
        status, out, _ = recours("audit", "verify", *one)
        assert (status, out.count("unproven")) == (0, 2), "without anchors much cannot be told, and is said"
        run_apart(edit(servers.admin_url, made.owner_url.rpartition("/")[2]))
        status, out, _ = recours("audit", "verify", *one, "--anchors", anchors)
        assert (status, "edited: Place 2" in out) == (1, True)
        file.write_bytes(file.read_bytes()[:-40])
        assert recours("audit", "verify", "--file", file)[0] == 2
        assert recours("audit", "verify", "--service", "nobody")[0] == 2
