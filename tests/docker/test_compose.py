"""deploy/compose.yaml, really run: from nothing to a denial, confined, and ended in good order."""

import json

from deploy.local.layout import SERVICES
from tests.docker.composed import PROCESSES, Composed
from tests.docker.standins import docker
from tests.e2e.test_order import file
from tests.support import eventually
from tests.support.papers import pdf, pdf_with


def refused_case(composed: Composed, number: str) -> str:
    """Send a refusal and return the case that came of it, through all four services."""
    with composed.client("ingest") as ingest:
        assert ingest.post("/v1/interchanges", content=file("refusal", number)).status_code in (200, 202)
    found: list[str] = []

    def came() -> bool:
        found[:] = [case["case_id"] for case in composed.get("appeals", "/v1/cases", pcn=f"ORDER{number}")["items"]]
        return bool(found)

    eventually(came)
    return found[0]


def test_a_refusal_becomes_a_case_and_all_services_agree_to_the_cent(composed: Composed) -> None:
    refused_case(composed, "901")

    def agreed() -> bool:
        told = [composed.get(service, "/v1/ledger") for service in SERVICES]
        return bool(told[0]["days"] if "days" in told[0] else told[0]) and all(each == told[0] for each in told)

    eventually(agreed)


def test_documents_are_opened_by_the_confined_reader_inside_the_container(composed: Composed) -> None:
    case = refused_case(composed, "902")
    with composed.client("appeals") as appeals:
        taken = appeals.post(f"/v1/cases/{case}/documents", content=pdf(3), params={"name": "record.pdf"})
        refused = appeals.post(f"/v1/cases/{case}/documents", content=pdf_with("embedded_file"), params={"name": "hidden.pdf"})
    assert (taken.status_code, taken.json()["page_count"]) == (201, 3), taken.text
    assert (refused.status_code, refused.json()["reason"]) == (422, "pdf_active_content"), refused.text


def test_processes_are_confined(composed: Composed) -> None:
    for process in PROCESSES:
        container = composed.container(process)
        told = json.loads(docker("inspect", "--format", "{{json .HostConfig}}", container))
        assert (told["ReadonlyRootfs"], told["CapDrop"], told["SecurityOpt"]) == (True, ["ALL"], ["no-new-privileges:true"])
        tried = docker(
            "exec", container, "sh", "-c", "id -u; touch /app/x 2>&1; cat /run/secrets/database-url >/dev/null && echo read"
        )
        assert tried.split("\n")[0] == "10001"
        assert "Read-only file system" in tried
        assert "read" in tried.split("\n")


def test_what_kafka_holds_outlives_its_container(composed: Composed) -> None:
    composed.compose("up", "--no-build", "--detach", "--wait", "--force-recreate", "--no-deps", "kafka", seconds=600)
    refused_case(composed, "903")  # topics are made once, before the first start: none would be there


def test_processes_end_in_good_order_when_told_to(composed: Composed) -> None:
    composed.compose("stop", *PROCESSES, seconds=300)
    ended = {
        process: int(docker("inspect", "--format", "{{.State.ExitCode}}", composed.container(process)).strip())
        for process in PROCESSES
    }
    assert ended == dict.fromkeys(PROCESSES, 0)
