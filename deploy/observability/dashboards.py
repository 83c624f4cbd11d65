"""Grafana's dashboards, written from one table: `make docs` writes deploy/observability/dashboards/*.json.

Each panel is one question with its query; a test asks all of them of a real Prometheus over a real stack.
"""

import json
from typing import Any, Final, Literal, NamedTuple

Unit = Literal["s", "short", "reqps", "percentunit", "bytes", "ops"]
_SOURCE: Final = {"type": "prometheus", "uid": "${source}"}
_WIDTH, _HEIGHT, _COLUMNS = 8, 7, 3


class Panel(NamedTuple):
    """`legend`: the labels that tell its lines apart."""

    title: str
    unit: Unit
    query: str
    legend: str = ""


def _rate(name: str, *by: str) -> str:
    return f"sum by ({', '.join(by)}) (rate({name}[$__rate_interval]))" if by else f"sum(rate({name}[$__rate_interval]))"


def _quantile(share: float, name: str, *by: str) -> str:
    return f"histogram_quantile({share}, {_rate(name + '_bucket', *by, 'le')})"


_GROUP, _TOPIC = "messaging_consumer_group_name", "messaging_destination_name"
_POSTS = 'service_name="recours-ingest",http_request_method="POST"'
_HTTP, _LOOP = "http_server_request_duration_seconds", "recours_event_loop_lag_seconds"

BOARDS: Final[dict[str, tuple[str, tuple[Panel, ...]]]] = {
    "overview": (
        "Recours: what is promised",
        (
            Panel("Alerts that fire", "short", 'sum by (alertname, severity) (ALERTS{alertstate="firing"})', "alertname severity"),
            Panel("Intake: share of POSTs that fail (1 h); promised: 0.1 %", "percentunit", "recours:intake_errors:ratio_1h"),
            Panel(
                "Denials told later than a minute after their file (1 h); promised: 1 %",
                "percentunit",
                "recours:classification_late:ratio_1h",
            ),
            Panel("Remits missing in a service; promised: none", "short", "recours:remits_missing:count", "service_name"),
            Panel("From POST to denial.classified, p50", "s", _quantile(0.5, "recours_classification_delay_seconds")),
            Panel("From POST to denial.classified, p99", "s", _quantile(0.99, "recours_classification_delay_seconds")),
            Panel("Remits booked", "short", "max by (service_name) (recours_ledger_remits)", "service_name"),
            Panel("Requests", "reqps", _rate(f"{_HTTP}_count", "service_name"), "service_name"),
            Panel("Processes that answer", "short", 'sum by (job) (up{job="recours"})', "job"),
        ),
    ),
    "spine": (
        "Recours: the spine",
        (
            Panel("Records behind", "short", "recours:consumer_lag:messages", _GROUP),
            Panel("Age of what is in hand", "s", f"max by ({_GROUP}) (recours_consumer_lag_age_seconds)", _GROUP),
            Panel(
                "Records dealt with", "ops", _rate("messaging_client_consumed_messages_total", _GROUP, _TOPIC), f"{_GROUP} {_TOPIC}"
            ),
            Panel("Events sent", "ops", _rate("messaging_client_sent_messages_total", _TOPIC), _TOPIC),
            Panel("Outbox: unsent events", "short", "max by (service_name) (recours_outbox_size)", "service_name"),
            Panel("Outbox: age of the oldest", "s", "max by (service_name) (recours_outbox_age_seconds)", "service_name"),
            Panel(
                "From transaction to the broker, p99",
                "s",
                _quantile(0.99, "recours_outbox_delay_seconds", "service_name"),
                "service_name",
            ),
            Panel("Records a batch, p50", "short", _quantile(0.5, "recours_consumer_batch_size", _GROUP), _GROUP),
            Panel(
                "Events a window of the relay, p50",
                "short",
                _quantile(0.5, "recours_relay_window_size", "service_name"),
                "service_name",
            ),
            Panel("One batch, p99", "s", _quantile(0.99, "messaging_process_duration_seconds", _GROUP), _GROUP),
            Panel(
                "One handler, p99",
                "s",
                _quantile(0.99, "recours_handler_duration_seconds", "service_name", "recours_event_type"),
                "service_name recours_event_type",
            ),
            Panel(
                "One window to the broker, p99",
                "s",
                _quantile(0.99, "messaging_client_operation_duration_seconds", "service_name"),
                "service_name",
            ),
            Panel(
                "Dead letters",
                "ops",
                _rate("recours_dead_letters_total", _GROUP, _TOPIC, "error_type"),
                f"{_GROUP} {_TOPIC} error_type",
            ),
            Panel("Duplicates passed over", "ops", _rate("recours_inbox_duplicates_total", _GROUP), _GROUP),
            Panel("Relays that send", "short", "sum by (service_name) (recours_relay_active)", "service_name"),
            Panel("Waiting out a failure", "s", f"max by ({_GROUP}) (recours_consumer_waiting_seconds)", _GROUP),
        ),
    ),
    "ingest": (
        "Recours: intake",
        (
            Panel(
                "Files read", "ops", _rate("recours_interchanges_total", "recours_interchange_status"), "recours_interchange_status"
            ),
            Panel("Claims and remits read", "ops", _rate("recours_interchange_claims_total")),
            Panel("Files that wait", "short", "max(recours_interchange_waiting_count)"),
            Panel("Age of the oldest file that waits", "s", "max(recours_interchange_waiting_age_seconds)"),
            Panel("From POST to the end of reading, p99", "s", _quantile(0.99, "recours_interchange_duration_seconds")),
            Panel("Files that do not balance", "ops", _rate("recours_balance_differences_total")),
            Panel(
                "POSTs by answer",
                "reqps",
                f"sum by (http_route, http_response_status_code) (rate({_HTTP}_count{{{_POSTS}}}[$__rate_interval]))",
                "http_route http_response_status_code",
            ),
        ),
    ),
    "appeals": (
        "Recours: appeals and webhooks",
        (
            Panel("Cases by deadline", "short", "max by (recours_deadline_is) (recours_deadlines)", "recours_deadline_is"),
            Panel("Webhooks", "short", "max by (recours_webhook_state) (recours_webhooks)", "recours_webhook_state"),
            Panel("Posts by outcome", "ops", _rate("recours_webhook_post_duration_seconds_count", "error_type"), "error_type"),
            Panel("One post, p99", "s", _quantile(0.99, "recours_webhook_post_duration_seconds")),
            Panel("Deliveries that wait", "short", "max(recours_webhook_waiting_count)"),
            Panel("Age of the oldest that should go", "s", "max(recours_webhook_waiting_age_seconds)"),
            Panel("Given up", "ops", _rate("recours_webhook_given_up_total")),
        ),
    ),
    "processes": (
        "Recours: processes",
        (
            Panel("Memory", "bytes", 'process_resident_memory_bytes{job="recours"}', "instance"),
            Panel("Processor", "percentunit", 'rate(process_cpu_seconds_total{job="recours"}[$__rate_interval])', "instance"),
            Panel(
                "File descriptors", "percentunit", 'process_open_fds{job="recours"} / process_max_fds{job="recours"}', "instance"
            ),
            Panel("Event loop late, p99", "s", _quantile(0.99, _LOOP, "service_name", "recours_role"), "service_name recours_role"),
            Panel(
                "Connections in use",
                "percentunit",
                'sum by (service_name, recours_role) (db_client_connection_count{db_client_connection_state="used"})'
                " / sum by (service_name, recours_role) (db_client_connection_max)",
                "service_name recours_role",
            ),
            Panel(
                "Waiting for a connection, p99",
                "s",
                _quantile(0.99, "db_client_connection_wait_time_seconds", "service_name", "recours_role"),
                "service_name recours_role",
            ),
            Panel(
                "Transactions, p99",
                "s",
                _quantile(0.99, "db_client_connection_use_time_seconds", "service_name", "recours_role"),
                "service_name recours_role",
            ),
            Panel(
                "Waited in vain for a connection",
                "ops",
                _rate("db_client_connection_timeouts_total", "service_name"),
                "service_name",
            ),
            Panel("Requests being answered", "short", "sum by (service_name) (http_server_active_requests)", "service_name"),
            Panel("Requests, p99", "s", _quantile(0.99, _HTTP, "service_name"), "service_name"),
            Panel(
                "Requests that fail",
                "reqps",
                f'sum by (service_name) (rate({_HTTP}_count{{http_response_status_code=~"5.."}}[$__rate_interval]))',
                "service_name",
            ),
        ),
    ),
}


def dashboards() -> dict[str, str]:
    """Return the files by name."""
    return {f"{name}.json": json.dumps(_board(name, *told), indent=1) + "\n" for name, told in BOARDS.items()}


def _board(name: str, title: str, panels: tuple[Panel, ...]) -> dict[str, Any]:
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {
        "uid": f"recours-{name}",
        "title": title,
        "tags": ["recours"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source]},
        "panels": [_panel(number, each) for number, each in enumerate(panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, _COLUMNS)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {"h": _HEIGHT, "w": _WIDTH, "x": column * _WIDTH, "y": row * _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": [
            {
                "refId": "A",
                "datasource": _SOURCE,
                "expr": panel.query,
                "legendFormat": " ".join(f"{{{{{label}}}}}" for label in panel.legend.split()) or panel.title,
            }
        ],
    }
