"""A Docker engine: the one that answers, or one of our own in a folder, started and stopped here and nobody else's concern.

Debian's `docker.io` is enough, as root. Ours listens on a socket in its folder, so that nothing else takes it for the machine's.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.infra import docker_answers

FOLDER = Path(os.environ.get("RECOURS_DOCKER_FOLDER", "/var/tmp/recours-docker"))  # noqa: S108 - outlives a restart, as images should
_PACKAGES = ("docker.io", "debootstrap", "iptables")
_INSTALL_SECONDS, _START_SECONDS = 240, 60


class NoEngine(Exception):  # noqa: N818 - the fact is the name
    """There is no engine and none can be had here; the message says why in one sentence."""


@contextmanager
def engine() -> Iterator[None]:
    """Make `docker` in this process and its children reach an engine. Errors: NoEngine."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if docker_answers():
        yield
        return
    if os.geteuid() != 0:
        raise NoEngine("no Docker engine answers, and only root can start one")
    _install()
    os.environ["DOCKER_HOST"] = f"unix://{FOLDER}/docker.sock"
    if docker_answers():  # one of ours that was left behind
        yield
        return
    process = _start()
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _install() -> None:
    if all(shutil.which(each) for each in ("docker", "dockerd", "debootstrap", "iptables")):
        return
    if shutil.which("apt-get") is None:
        raise NoEngine("no Docker engine answers, and this is no Debian to install one on")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (("update", "-qq"), ("install", "-qq", "--yes", "--no-install-recommends", *_PACKAGES)):
            subprocess.run(
                ["apt-get", *command], env=environment, check=True, timeout=_INSTALL_SECONDS, stdout=subprocess.DEVNULL,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise NoEngine(f"Debian's packages {', '.join(_PACKAGES)} could not be installed") from error


def _start() -> "subprocess.Popen[bytes]":
    command = ["dockerd", "--host", os.environ["DOCKER_HOST"]]
    for option, name in (("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "dockerd.pid")):
        command += [option, str(FOLDER / name)]
    with (FOLDER / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + _START_SECONDS
    while not docker_answers():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise NoEngine(f"Docker's engine did not start; its log is {FOLDER / 'dockerd.log'}")
        time.sleep(0.3)
    return process
