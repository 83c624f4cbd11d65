"""What a process of a stack is told: addresses, keys, and where it keeps its things."""

import os
from dataclasses import asdict
from pathlib import Path

from deploy.local import access, provision
from deploy.local.layout import SERVICES, Ports, Secrets, master_key_file


def environment_of(folder: Path, ports: Ports, admin_url: str, bootstrap: str, service: str, role: str) -> dict[str, str]:
    """Return the environment of one process of the stack in a folder. Ours overrides only where it keeps its things."""
    secrets = Secrets(folder / "secrets.json")
    return {
        "RECOURS_DOCUMENTS_URL": str(folder / "documents"),
        "RECOURS_PACKETS_URL": str(folder / "packets"),
        **access.environment(folder, service),
        "RECOURS_WEBHOOK_LOOPBACK": "true",  # for `recours listen`: a stack for one machine posts to it
        "RECOURS_AUDIT_ANCHORS_URL": str(folder / "audit-anchors"),
        "RECOURS_MASTER_KEY_FILE": str(master_key_file(folder)),
        **os.environ,
        "RECOURS_DATABASE_URL": provision.role_url(admin_url, service, role, secrets),
        "RECOURS_KAFKA": bootstrap,
        "RECOURS_PORT": str(asdict(ports)[service]),
        "RECOURS_HEALTH_PORT": str(asdict(ports)[f"{service}_{role}"]),
        "RECOURS_WEBHOOKS_HEALTH_PORT": str(ports.analytics_webhooks),
        "RECOURS_INSTANCE": f"{service}-1",
        **({"RECOURS_PSEUDONYM_KEY": secrets.get("pseudonym_key")} if service == "ingest" else {}),
        **({"RECOURS_AUDIT_SIGNING_KEY": secrets.get("audit_signing_key")} if role == "worker" else {}),
        **({"RECOURS_MODEL_KEY": secrets.get("model_key")} if service == "classifier" else {}),
        **{f"RECOURS_{name.upper()}_URL": ports.url(name) for name in SERVICES},
    }
