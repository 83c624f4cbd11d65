"""For each alert: what makes it fire, what just does not, and when is asked. Series as promtool writes them, a point a step."""

from typing import NamedTuple


class Case(NamedTuple):
    """`fires` and `quiet` are inputs; asked is at `minutes`."""

    fires: dict[str, str]
    quiet: dict[str, str]
    minutes: int = 30


def _http(service: str, status: str, route: str = "/v1/interchanges", method: str = "POST") -> str:
    return (
        f'http_server_request_duration_seconds_count{{service_name="recours-{service}",http_request_method="{method}",'
        f'http_route="{route}",http_response_status_code="{status}"}}'
    )


def _service(name: str, service: str, **labels: str) -> str:
    told = {"service_name": f"recours-{service}", **labels}
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in told.items()) + "}"


_GROUP = '{messaging_consumer_group_name="classifier",messaging_destination_name="remit.received"}'
_DELAY = "recours_classification_delay_seconds"
_POSTS = "recours_webhook_post_duration_seconds_count"
_DAY = 24 * 60


def _ledger(remits: str, cents: str) -> dict[str, str]:
    """Return the ledgers of two services of which ingest has 100 remits and 5,000 cents."""
    return {
        _service("recours_ledger_remits", "ingest"): "100x120",
        _service("recours_ledger_amount", "ingest", recours_ledger_column="paid"): "5000x120",
        _service("recours_ledger_remits", "appeals"): remits,
        _service("recours_ledger_amount", "appeals", recours_ledger_column="paid"): cents,
    }


def _errors(bad: str, minutes: int) -> dict[str, str]:
    return {_http("ingest", "503"): f"0+{bad}x{minutes}", _http("ingest", "202"): f"0+100x{minutes}"}


def _late(late: int, minutes: int) -> dict[str, str]:
    return {f'{_DELAY}_bucket{{le="60.0"}}': f"0+{100 - late}x{minutes}", f"{_DELAY}_count": f"0+100x{minutes}"}


_OUTBOXES = {_service("recours_outbox_age_seconds", each): "0x60" for each in ("ingest", "classifier", "appeals", "analytics")}

CASES: dict[str, Case] = {
    "RecoursTargetDown": Case({'up{job="recours",instance="a"}': "1x5 0x30"}, {'up{job="recours",instance="a"}': "1x60"}),
    # 14.4 times a budget of 0.1 % is 1.44 %.
    "RecoursIntakeBurnsFast": Case(_errors("2", 90), _errors("0.5", 90), 80),
    "RecoursIntakeBurnsSlowly": Case(_errors("0.4", 2 * _DAY), _errors("0.05", 2 * _DAY), _DAY + 60),
    # 14.4 times a budget of 1 % is 14.4 %.
    "RecoursClassificationBurnsFast": Case(_late(20, 90), _late(3, 90), 80),
    "RecoursClassificationBurnsSlowly": Case(_late(4, 2 * _DAY), _late(0, 2 * _DAY), _DAY + 60),
    "RecoursLoss": Case(_ledger("99x120", "4900x120"), _ledger("0x10 100x120", "0x10 5000x120"), 60),
    "RecoursLedgerDiffers": Case(_ledger("100x120", "4999x120"), _ledger("100x120", "5000x120")),
    "RecoursApiErrors": Case(
        {_http("appeals", "500", "/v1/cases", "GET"): "0+6x60", _http("appeals", "200", "/v1/cases", "GET"): "0+94x60"},
        {_http("appeals", "500", "/v1/cases", "GET"): "0+4x60", _http("appeals", "200", "/v1/cases", "GET"): "0+96x60"},
    ),
    "RecoursConsumerBehind": Case(
        {'recours_consumer_lag_age_seconds{messaging_consumer_group_name="classifier"}': "0+60x60"},
        {'recours_consumer_lag_age_seconds{messaging_consumer_group_name="classifier"}': "290x60"},
    ),
    "RecoursConsumerStandsStill": Case(
        {f"recours_consumer_lag_messages{_GROUP}": "40x60", f"messaging_client_consumed_messages_total{_GROUP}": "9000x60"},
        {f"recours_consumer_lag_messages{_GROUP}": "40x60", f"messaging_client_consumed_messages_total{_GROUP}": "0+5x60"},
    ),
    "RecoursConsumerWaits": Case(
        {'recours_consumer_waiting_seconds{messaging_consumer_group_name="appeals"}': "0+60x60"},
        {'recours_consumer_waiting_seconds{messaging_consumer_group_name="appeals"}': "119x60"},
    ),
    "RecoursOutboxOld": Case(
        {_service("recours_outbox_age_seconds", "ingest"): "0+60x60"}, {_service("recours_outbox_age_seconds", "ingest"): "119x60"}
    ),
    # Of two workers one sends: the other stands by.
    "RecoursNoRelay": Case(
        {_service("recours_relay_active", "appeals", instance=each): "0x60" for each in "ab"},
        {_service("recours_relay_active", "appeals", instance=each): f"{each == 'a':d}x60" for each in "ab"},
    ),
    "RecoursBlind": Case(dict(list(_OUTBOXES.items())[:3]), _OUTBOXES),
    # The first of its kind: a counter that was not there before.
    "RecoursDeadLetters": Case(
        {f"recours_dead_letters_total{_GROUP}": "_x25 1x10"}, {f"recours_dead_letters_total{_GROUP}": "7x60"}
    ),
    "RecoursDuplicatesMany": Case(
        {f"recours_inbox_duplicates_total{_GROUP}": "0+30x60", f"messaging_client_consumed_messages_total{_GROUP}": "0+100x60"},
        {f"recours_inbox_duplicates_total{_GROUP}": "0+10x60", f"messaging_client_consumed_messages_total{_GROUP}": "0+100x60"},
        45,
    ),
    "RecoursFilesWait": Case(
        {"recours_interchange_waiting_age_seconds": "0+60x60"}, {"recours_interchange_waiting_age_seconds": "590x60"}
    ),
    "RecoursBalanceDifferences": Case(
        {"recours_balance_differences_total": "0+1x60", "recours_interchanges_total": "0+2x60"},
        {"recours_balance_differences_total": "0+1x60", "recours_interchanges_total": "0+10x60"},
        60,
    ),
    "RecoursDeadlinesPassed": Case(
        {'recours_deadlines{recours_deadline_is="passed"}': "1x90"}, {'recours_deadlines{recours_deadline_is="passed"}': "0x90"}, 80
    ),
    "RecoursDeadlinesNear": Case(
        {'recours_deadlines{recours_deadline_is="within_3_days"}': "11x90"},
        {'recours_deadlines{recours_deadline_is="within_3_days"}': "10x90"},
        80,
    ),
    "RecoursWebhooksFail": Case(
        {_POSTS + '{error_type="receiver_away"}': "0+6x60", _POSTS: "0+4x60"},
        {_POSTS + '{error_type="receiver_away"}': "0+4x60", _POSTS: "0+6x60"},
        45,
    ),
    "RecoursWebhooksGivenUp": Case({"recours_webhook_given_up_total": "_x75 1x10"}, {"recours_webhook_given_up_total": "3x90"}, 80),
    "RecoursWebhooksLate": Case(
        {"recours_webhook_waiting_age_seconds": "0+60x60"}, {"recours_webhook_waiting_age_seconds": "290x60"}
    ),
    "RecoursPoolExhausted": Case(
        {_service("db_client_connection_timeouts_total", "appeals", recours_role="api"): "_x25 2x10"},
        {_service("db_client_connection_timeouts_total", "appeals", recours_role="api"): "2x60"},
    ),
    "RecoursEventLoopSlow": Case(
        {
            _service("recours_event_loop_lag_seconds_bucket", "ingest", le=le): f"0+{rate}x60"
            for le, rate in (("0.25", 90), ("0.5", 99), ("+Inf", 100))
        },
        {_service("recours_event_loop_lag_seconds_bucket", "ingest", le=le): "0+100x60" for le in ("0.25", "0.5", "+Inf")},
    ),
    "RecoursRestarts": Case(
        {'process_start_time_seconds{job="recours"}': "1x20 2 2 3 3 4x10"},
        {'process_start_time_seconds{job="recours"}': "1x20 2x20"},
    ),
    "RecoursFilesOpenMany": Case(
        {'process_open_fds{job="recours"}': "81x60", 'process_max_fds{job="recours"}': "100x60"},
        {'process_open_fds{job="recours"}': "80x60", 'process_max_fds{job="recours"}': "100x60"},
    ),
}
