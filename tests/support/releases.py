"""The release before this one: which it is, and its code in a folder of its own.

It is the newest tag `v*` that HEAD descends from and does not bear; while there is none, the commit in deploy/previous-release.
"""

import io
import subprocess
import tarfile
from functools import cache
from pathlib import Path

from deploy.local.layout import ROOT

NAMED = ROOT / "deploy" / "previous-release"


class MissingHistory(RuntimeError):  # noqa: N818 - no error: a clone may be shallow, and a test that needs more says so
    """The message is one sentence for whoever runs the tests."""


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise MissingHistory(f"git {arguments[0]}: {done.stderr.decode().strip()[-200:]}")
    return done.stdout


@cache
def previous() -> str:
    """Return the commit of the release before. Errors: MissingHistory where this clone does not reach back to it."""
    named = NAMED.read_text().split()[0]
    try:
        ours = set(_git("tag", "--points-at", "HEAD").decode().split())
        tags = _git("tag", "--list", "v*", "--merged", "HEAD", "--sort=-version:refname").decode().split()
        named = next((tag for tag in tags if tag not in ours), named)
        return _git("rev-parse", "--verify", "--quiet", f"{named}^{{commit}}").decode().strip()
    except (MissingHistory, OSError) as error:
        raise MissingHistory(
            f"The release before ({named}) is not in this clone, and nothing can be shown of it: `git fetch --unshallow --tags`."
        ) from error


def unpack(commit: str, folder: Path) -> Path:
    """Write a release's code into a folder, which stands for its checkout; return it."""
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", commit))) as archive:
        archive.extractall(folder, filter="data")
    return folder
