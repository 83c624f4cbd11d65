"""The keys of a stack, and the token by which its owner is let in: nothing here answers without one, on this machine either."""

import time
from pathlib import Path
from typing import Final

from deploy.local.layout import SERVICES, write_whole
from libs.common.access import scopes
from libs.common.access.directory import KeyDirectory, Wish

SUBJECT: Final = "local"
_SECONDS: Final = 30 * 86_400
_RENEW_SECONDS: Final = 7 * 86_400


def keys(folder: Path) -> KeyDirectory:
    """Return a stack's keys; what is missing is made."""
    directory = KeyDirectory(folder / "access")
    directory.prepare(SERVICES)
    return directory


def token_file(folder: Path) -> Path:
    return folder / "token"


def environment(folder: Path, service: str) -> dict[str, str]:
    """Return what a service of the stack is told of keys."""
    directory = keys(folder)
    return {
        "RECOURS_JWKS": str(directory.jwks),
        "RECOURS_SERVICE_JWKS": str(directory.services_jwks),
        "RECOURS_REVOKED": str(directory.revoked),
        "RECOURS_SERVICE_KEY": str(directory.service_key(service)),
    }


def write_token(folder: Path, tenant_id: str) -> None:
    """Write the owner's token, with every role, where there is none for this tenant that lasts another week."""
    directory, path, now = keys(folder), token_file(folder), int(time.time())
    note = path.with_suffix(".id")
    if path.exists() and note.exists():
        lasting = {each.token_id for each in directory.issued(now) if _serves(each.subject, each.expires_at, now)}
        if note.read_text() in {f"{tenant_id} {each}" for each in lasting}:
            return
    wish = Wish(SUBJECT, tenant_id, tuple(scopes.ROLES), seconds=_SECONDS)
    token, issued = directory.issue(wish, now)
    write_whole(path, token)
    write_whole(folder / "authorization", f"Authorization: Bearer {token}\n")
    write_whole(note, f"{tenant_id} {issued.token_id}")  # last: it says that the others are there


def _serves(subject: str, expires_at: int, now: int) -> bool:
    return subject == SUBJECT and expires_at > now + _RENEW_SECONDS
