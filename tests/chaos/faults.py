"""The table of faults: each strikes once, lets go again, and says from which moment on recovery counts."""

import contextlib
import random
import signal
import time
from collections.abc import Callable, Iterator

import psutil
from msgspec import Struct

from deploy.local.layout import write_whole
from tests.chaos import messages
from tests.chaos.databases import Disk
from tests.chaos.site import APIS, WEBHOOKS, WORKERS, Site

AFTER_KILL_SECONDS = 10.0
AFTER_BROKER_SECONDS = 20.0
AFTER_POSTGRES_SECONDS = 10.0
AFTER_HALF_OPEN_SECONDS = 75.0  # an open transaction's limit of a minute, and some more
_AWAY_SECONDS = (3.0, 6.0)
_HALT_SECONDS = (3.0, 6.0)
_ZOMBIE_SECONDS = 14.0  # longer than a member's session and a broker's last: others have taken over when it wakes
_HELD_SECONDS = 8.0
_COMMITS_CUT = 0.3
_DELAY_SECONDS = 0.03
_MEMBERS = 2
_MEMORY_LEFT_BYTES = 4 * 1024 * 1024
_SLOW_FLUSH = {"commit_delay": "100000", "commit_siblings": "0"}  # each flush of the log waits 100 ms more

Strike = Callable[[Site, random.Random], float]


class Fault(Struct, frozen=True):
    """`strike` returns the moment (monotonic) from which recovery counts. `within_seconds` is what is promised of it, if anything.

    `why_not` says why it cannot be done on this machine, "" where it can.
    """

    name: str
    strike: Strike
    within_seconds: float | None = None
    why_not: Callable[[], str] = str


def _killed(name: str) -> Strike:
    def strike(site: Site, _: random.Random) -> float:
        site.living(name).kill()
        return time.monotonic()

    return strike


def _halted(name: str, seconds: tuple[float, float] = _HALT_SECONDS) -> Strike:
    def strike(site: Site, draw: random.Random) -> float:
        process = site.living(name)
        process.suspend()
        time.sleep(draw.uniform(*seconds))
        process.resume()
        return time.monotonic()

    return strike


def _away(draw: random.Random) -> None:
    time.sleep(draw.uniform(*_AWAY_SECONDS))


def _broker_killed(site: Site, draw: random.Random) -> float:
    broker = site.cluster.leader_of_most()
    at = time.monotonic()
    broker.end()
    _away(draw)
    site.cluster.relaunch(broker)
    return at


def _broker_halted(site: Site, _: random.Random) -> float:
    broker = site.cluster.leader_of_most()
    at = time.monotonic()
    broker.send(signal.SIGSTOP)
    time.sleep(_ZOMBIE_SECONDS)
    broker.send(signal.SIGCONT)
    return at


def _leader_moved(site: Site, _: random.Random) -> float:
    """A broker ends in good order and hands its leaders over; when it is back, it gets them back."""
    broker = site.cluster.leader_of_most()
    at = time.monotonic()
    broker.end(signal.SIGTERM)
    site.cluster.relaunch(broker)
    return at


def _broker_wiped(site: Site, draw: random.Random) -> float:
    broker = site.cluster.leader_of_most()
    at = time.monotonic()
    broker.end()
    broker.wipe()
    _away(draw)
    site.cluster.relaunch(broker)
    return at


def _brokers_down(site: Site, draw: random.Random) -> float:
    for broker in site.cluster.brokers:
        broker.end()
    _away(draw)
    for broker in site.cluster.brokers:
        site.cluster.relaunch(broker)
    while not any(broker.answers() for broker in site.cluster.brokers):
        time.sleep(0.1)
    return time.monotonic()


def _postgres_stopped(site: Site, draw: random.Random) -> float:
    site.databases.stop()
    _away(draw)
    site.databases.start()
    return time.monotonic()


def _postgres_killed(site: Site, draw: random.Random) -> float:
    site.databases.kill()
    _away(draw)
    site.databases.start()
    return time.monotonic()


def _postgres_crashed(site: Site, _: random.Random) -> float:
    site.databases.crash()
    return time.monotonic()


def _failed_over(site: Site, draw: random.Random) -> float:
    site.databases.follow()
    _away(draw)
    site.databases.fail_over()
    site.proxy.target = site.databases.server.port
    return time.monotonic()


def _cut(site: Site, _: random.Random) -> float:
    site.proxy.cut()
    return time.monotonic()


def _commits_cut(site: Site, draw: random.Random) -> float:
    before = site.proxy.commits_cut
    site.proxy.cut_commits(_COMMITS_CUT, draw.randrange(1_000_000))
    while site.proxy.commits_cut < before + 20:
        time.sleep(0.1)
    site.proxy.cut_commits(0)
    return time.monotonic()


def _delayed(site: Site, draw: random.Random) -> float:
    site.proxy.delay_seconds = _DELAY_SECONDS
    _away(draw)
    site.proxy.delay_seconds = 0
    return time.monotonic()


def _held(site: Site, _: random.Random) -> float:
    site.proxy.hold(held=True)
    time.sleep(_HELD_SECONDS)
    site.proxy.hold(held=False)
    return time.monotonic()


def _servers_lost(site: Site, _: random.Random) -> float:
    site.proxy.lose_servers()
    return time.monotonic()


def _clients_lost(site: Site, _: random.Random) -> float:
    site.proxy.lose_clients()
    return time.monotonic()


def _disk_full(site: Site, draw: random.Random) -> float:
    disk = site.databases.disk
    assert disk is not None
    disk.fill()
    _away(draw)
    disk.empty()
    if not site.databases.lives():  # it ends when it cannot write its log
        site.databases.start()
    return time.monotonic()


def _disk_slow(site: Site, draw: random.Random) -> float:
    with site.databases.told(**_SLOW_FLUSH):
        _away(draw)
    return time.monotonic()


def _sent_again(site: Site, draw: random.Random) -> float:
    """Records that were sent in this round come three times more, late and in another order."""
    messages.send_again(site.system, site.offsets_before, draw)
    return time.monotonic()


def _poisoned(site: Site, draw: random.Random) -> float:
    site.planted += messages.poison(site.system, draw)
    return time.monotonic()


def _changed(what: str, names: tuple[str, ...] = WORKERS, seconds: tuple[float, float] = _AWAY_SECONDS) -> Strike:
    def strike(site: Site, draw: random.Random) -> float:
        with site.changed(names, what):
            time.sleep(draw.uniform(*seconds))
        return time.monotonic()

    return strike


def _clock_jumps(site: Site, draw: random.Random) -> float:
    """The clock of every worker goes an hour ahead, two back, and right again, while it runs."""
    clock = site.orders / "clock"
    write_whole(clock, "0")
    with site.changed(WORKERS, "clock"):
        for seconds in ("3600", "-3600", "0"):
            write_whole(clock, seconds)
            _away(draw)
    return time.monotonic()


def _rebalanced(site: Site, draw: random.Random) -> float:
    """Members join a group and die, one after the other: its partitions go to and fro."""
    with contextlib.ExitStack() as joined:
        for service in ("classifier", "analytics") * _MEMBERS:
            joined.enter_context(site.second_worker(service))
            time.sleep(draw.uniform(0.5, 2.0))
    return time.monotonic()


def _zombie(site: Site, draw: random.Random) -> float:
    """A worker is halted while another member takes its partitions over, and wakes with their records in its hand."""
    service = draw.choice(("classifier", "analytics"))
    with site.second_worker(service):
        process = site.living(f"{service}-worker")
        process.suspend()
        time.sleep(_ZOMBIE_SECONDS)
        process.resume()
        _away(draw)
    return time.monotonic()


def _memory_limited(site: Site, draw: random.Random) -> float:
    """Workers get hardly any memory beyond what they have: who cannot go on ends, and starts again without the limit."""
    for name in WORKERS:
        process = site.living(name)
        limit = process.memory_info().vms + _MEMORY_LEFT_BYTES
        process.rlimit(psutil.RLIMIT_AS, (limit, psutil.RLIM_INFINITY))
    _away(draw)
    for name in WORKERS:
        site.living(name).rlimit(psutil.RLIMIT_AS, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
    return time.monotonic()


FAULTS = (
    *(Fault(f"{name}: kill -9", _killed(name), AFTER_KILL_SECONDS) for name in (*WORKERS, *APIS, WEBHOOKS)),
    *(Fault(f"{name}: halted, woken", _halted(name), AFTER_KILL_SECONDS) for name in (*WORKERS, *APIS, WEBHOOKS)),
    Fault("one broker: kill -9, back after seconds", _broker_killed, AFTER_BROKER_SECONDS),
    Fault("one broker: halted until it is given up, woken", _broker_halted, AFTER_BROKER_SECONDS),
    Fault("one broker: stopped in good order, leaders moved and moved back", _leader_moved, AFTER_BROKER_SECONDS),
    Fault("one broker: killed, its disk lost, back empty", _broker_wiped, AFTER_BROKER_SECONDS),
    Fault("all brokers: kill -9, back after seconds", _brokers_down, AFTER_BROKER_SECONDS),
    Fault("PostgreSQL: stopped, back after seconds", _postgres_stopped, AFTER_POSTGRES_SECONDS),
    Fault("PostgreSQL: postmaster kill -9, back after seconds", _postgres_killed, AFTER_POSTGRES_SECONDS),
    Fault("PostgreSQL: one of its processes kill -9, it recovers by itself", _postgres_crashed, AFTER_POSTGRES_SECONDS),
    Fault("PostgreSQL: lost for good, its standby takes over", _failed_over, AFTER_POSTGRES_SECONDS),
    Fault("connections to PostgreSQL: all cut", _cut, AFTER_POSTGRES_SECONDS),
    Fault("connections to PostgreSQL: twenty cut while they commit", _commits_cut, AFTER_POSTGRES_SECONDS),
    Fault("connections to PostgreSQL: 30 ms longer each way", _delayed, AFTER_POSTGRES_SECONDS),
    Fault("connections to PostgreSQL: nothing passes for 8 s", _held, AFTER_POSTGRES_SECONDS),
    Fault("connections to PostgreSQL: half open, the server's ends are gone", _servers_lost, AFTER_HALF_OPEN_SECONDS),
    Fault("connections to PostgreSQL: half open, the server keeps its ends", _clients_lost, AFTER_HALF_OPEN_SECONDS),
    Fault("PostgreSQL's disk: full", _disk_full, AFTER_POSTGRES_SECONDS, Disk.why_not),
    Fault("PostgreSQL's disk: each flush 100 ms slower", _disk_slow, AFTER_POSTGRES_SECONDS),
    Fault("records: all of them three times more, late, in any order", _sent_again, AFTER_KILL_SECONDS),
    Fault("records: each relay sends three times, in any order", _changed("out_of_order"), AFTER_KILL_SECONDS),
    Fault("records: a later version's, with what nobody knows yet", _changed("newer"), AFTER_KILL_SECONDS),
    Fault("records: poison in every topic", _poisoned, AFTER_KILL_SECONDS),
    Fault("consumers: members join and die, partitions go to and fro", _rebalanced, AFTER_BROKER_SECONDS),
    Fault("consumers: a halted member wakes when others have its partitions", _zombie, AFTER_BROKER_SECONDS),
    Fault("consumers: slow ones", _changed("slow"), AFTER_KILL_SECONDS),
    Fault("workers: clocks jump an hour ahead and two back", _clock_jumps, AFTER_KILL_SECONDS),
    Fault("workers: hardly any memory left", _memory_limited, AFTER_KILL_SECONDS),
)


def chance_of(seed: int, fault: Fault) -> random.Random:
    """Return what a fault draws its moments from."""
    return random.Random(f"{seed} {fault.name}")


def draw(seed: int, rounds: int, faults: tuple[Fault, ...] = FAULTS) -> Iterator[Fault]:
    """Yield so many faults; each turn takes every one once, in an order of its own."""
    chance = random.Random(f"{seed} faults")
    left = rounds
    while left > 0:
        turn = chance.sample(faults, len(faults))[:left]
        yield from turn
        left -= len(turn)
