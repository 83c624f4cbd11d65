"""What `recours webhooks` asks of analytics."""

from datetime import UTC, datetime
from uuid import uuid4

import httpx

from libs.client import webhooks
from libs.client.transport import Service


def test_a_replay_is_waited_for_until_all_is_queued(monkeypatch, capsys) -> None:
    webhook, begun = uuid4(), uuid4()
    asked: list[str] = []
    answers = [(0, None), (0, None), (1200, "2026-11-29T10:00:00Z")]

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        queued, finished_at = answers[min(len(asked) - 1, 2)]
        return httpx.Response(200, json={"replay_id": str(begun), "queued": queued, "finished_at": finished_at})

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(webhooks, "Service", lambda name: Service(name, "http://analytics.test", transport))
    monkeypatch.setattr(webhooks, "_POLL_SECONDS", 0)
    webhooks.replay(webhook, datetime(2026, 11, 1, tzinfo=UTC), None, as_json=False)
    read = f"GET /v1/webhooks/{webhook}/replays/{begun}"
    assert asked == [f"POST /v1/webhooks/{webhook}:replay", read, read]
    assert capsys.readouterr().out == "1,200 are posted again.\n"
