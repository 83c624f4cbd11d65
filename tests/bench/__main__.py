"""`python -m tests.bench [WHAT [OPTION...]]`: one benchmark, or all of them one after the other."""

import importlib
import sys

from tests.support import access

ALL = (
    "access",
    "reader",
    "claims",
    "intake",
    "classify",
    "check",
    "prevention",
    "followups",
    "appeals",
    "replay",
    "pipeline",
    "matching",
    "analytics",
    "insight",
    "audits",
    "audit",
    "tenants",
    "webhooks",
    "trust",
    "latency",
    "telemetry",
    "backlog",
    "standing",
    "growth",
    "workers",
    "shapes",
    "distance",
    "profiles",
)
APART = ("report",)


def main() -> None:
    asked = sys.argv[1:2] or ALL
    if not set(asked) <= {*ALL, *APART}:
        sys.exit(f"usage: python -m tests.bench [{'|'.join(ALL)} [OPTION...]]")
    access.trust()
    for what in asked:
        importlib.import_module(f"tests.bench.{what}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
