"""What is measured, as a page, written from the definitions."""

from collections.abc import Mapping
from typing import Final

from libs.common import measures as _common  # noqa: F401 - what is imported is defined
from libs.common.metrics import DEFINITIONS, Definition
from services.analytics import measures as _analytics  # noqa: F401 - as above
from services.appeals import measures as _appeals  # noqa: F401 - as above
from services.classifier import measures as _classifier  # noqa: F401 - as above
from services.ingest import measures as _ingest  # noqa: F401 - as above

_HEAD: Final = """# Metrics

Written by `make docs` from `libs/common/measures.py` and `services/*/measures.py`; change those instead.

Every process answers `GET /metrics` on `RECOURS_HEALTH_PORT`, for Prometheus (text or OpenMetrics): APIs, workers, and on
`RECOURS_WEBHOOKS_HEALTH_PORT` the process beside analytics' worker that posts webhooks. `make up` gives them 8021 to 8024,
8011 to 8014 and 8034. It asks for no token and names no tenant: let nobody but your Prometheus reach these ports.

The same goes by OTLP over HTTP where `OTEL_METRICS_EXPORTER=prometheus,otlp` says so, to `OTEL_EXPORTER_OTLP_ENDPOINT` (or
`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`), every `OTEL_METRIC_EXPORT_INTERVAL` milliseconds (60,000); `none` measures nothing. By
OTLP a histogram carries exemplars: the trace of one observation in a bucket, where the trace was sampled. The text for
Prometheus has none: the official exporter does not write them.

- **Labels.** Each series at Prometheus bears `service_name` (`recours-ingest`, ...) and `recours_role` (api, worker or
  webhooks). With OTLP into Prometheus, set `otlp.promote_resource_attributes: [service.name, recours.role]` there.
- **No tenant.** A tenant is no label: how many there are is not bounded, and their names are their own business. What one
  tenant does is asked of the API (`/v1/dead-letters`, `/v1/ledger`). No label holds an id, an address or any text that was
  sent to us; the number of series does not grow with tenants, payers or claims (`test_more_tenants_make_no_more_series`).
- **Cost.** Counted is by batch and by request, never by record.
- A counter of what never happened is absent, not 0. A gauge that was looked up (outbox, ledger, lag, deadlines, files,
  webhooks) is absent three minutes after the last look that succeeded.
- Beside these, Prometheus finds the process's own: `process_resident_memory_bytes`, `process_cpu_seconds_total`,
  `process_open_fds`, `process_max_fds`, `process_start_time_seconds`, `python_gc_*`.

What to do with them: [service levels](slo.md), rules, alerts and dashboards in `deploy/observability/`, and a page for each
alert in [runbooks](runbooks/README.md).
"""


def metrics_page() -> str:
    """Return docs/metrics.md."""
    rows = "\n".join(_row(each) for each in sorted(DEFINITIONS.values(), key=lambda each: each.name))
    return f"{_HEAD}\n| metric | at Prometheus | kind, unit | what | attributes |\n|---|---|---|---|---|\n{rows}\n"


def _row(each: Definition) -> str:
    return f"| `{each.name}` | `{each.at_prometheus()}` | {each.kind}, {each.unit} | {each.told} | {_attributes(each.attributes)} |"


def _attributes(attributes: Mapping[str, str]) -> str:
    return "; ".join(f"`{name}`: {told}" for name, told in attributes.items())
