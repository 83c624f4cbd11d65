"""The worker's jobs of models: trains and evaluates in a process apart, and keeps what the models in use say of what comes.

A training is registered in one transaction, with its job's end, and only when its process ended well and its file has the SHA-256
that the process named: whatever is killed in between, a model is there whole or not at all. A job that its worker left is begun
anew by the next one, a few times.
"""

import asyncio
import hashlib
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.programs import begun
from libs.common.worker import look_again
from services.classifier.models import jobs, store
from services.classifier.models.jobs import Job
from services.classifier.models.learner import Learner
from services.classifier.models.life import Evaluation, Subject
from services.classifier.models.registry import Altered, Registry
from services.classifier.models.work import Evaluated, Order, Result, Trained, Word

log = structlog.get_logger()

ATTEMPTS_MAX: Final = 3
_POLL_SECONDS: Final = 1.0
_SCORE_SECONDS: Final = 5.0
_SCORED_AT_ONCE: Final = 1_000
_word = msgspec.json.Decoder(Word).decode
_result = msgspec.msgpack.Decoder(Result).decode


class _Lost(Exception):  # noqa: N818 - the fact is the name
    """The job was cancelled, or is another worker's by now."""


class Trainer:
    """Works off the jobs of models, one at a time. Several workers may: a lease keeps them apart."""

    def __init__(self, database: Database, clock: Clock, module: str = "services.classifier.models.work") -> None:
        self._database, self._clock, self._module = database, clock, module

    async def run(self) -> None:
        """Work until cancelled."""
        await look_again(self.step, waiting="model_job_waits", orders=self._database.listener)

    async def step(self) -> float | None:
        """Do one job; None where there is none."""
        async with self._database.begin() as tx:
            job = await jobs.lease_next(tx, self._clock.now())
        if job is None:
            return None
        if job.attempts > ATTEMPTS_MAX:
            await self._end(job, "failed", f"Its process, or the worker with it, died {ATTEMPTS_MAX} times.")
            return 0.0
        with tempfile.TemporaryDirectory(prefix="recours-model-") as folder:
            try:
                await self._do(job, Path(folder) / "result")
            except _Lost:
                log.info("model_job_left", job_id=str(job.job_id))
        return 0.0

    async def _do(self, job: Job, path: Path) -> None:
        """Begin the process of a job, follow it, and write how it ended."""
        environment = os.environ | {"RECOURS_DATABASE_URL": self._database.engine.url.render_as_string(hide_password=False)}
        async with begun(sys.executable, "-m", self._module, stdin=PIPE, stdout=PIPE, env=environment) as process:
            last = await self._follow(process, job, path)
            status = await process.wait()
        if last.refused is not None:
            await self._end(job, "refused", last.refused)
        elif status == 0 and last.sha256 is not None:
            await self._register(job, path, last.sha256)
        elif status < 0:
            await self._end(job, "waiting", f"Its process was killed by signal {-status}, attempt {job.attempts}.")
        else:
            log.error("model_job_failed", job_id=str(job.job_id), status=status)
            await self._end(job, "failed", f"Its process failed with status {status}; the worker's log says why.")

    async def _follow(self, process: Process, job: Job, path: Path) -> Word:
        """Give the order, and keep the lease while the process lives; return its last word. Errors: _Lost."""
        if process.stdin is None or process.stdout is None:
            raise AssertionError("a process begun with pipes has them")
        order = Order(job.tenant_id, job.subject, job.work, job.model_id, str(path))
        process.stdin.write(msgspec.json.encode(order) + b"\n")
        told, last = Word("starting"), Word()
        line = asyncio.ensure_future(process.stdout.readline())
        try:
            while True:
                await asyncio.wait([line], timeout=_POLL_SECONDS)
                while line.done():
                    if not line.result():
                        return last
                    last = _word(line.result())
                    told = last if last.step else told
                    line = asyncio.ensure_future(process.stdout.readline())
                    await asyncio.sleep(0)
                async with self._database.begin() as tx:
                    if not await jobs.keep_lease(tx, job, told.step, told.share, self._clock.now()):
                        raise _Lost
        finally:
            line.cancel()

    async def _register(self, job: Job, path: Path, sha256: str) -> None:
        body = await asyncio.to_thread(path.read_bytes)
        if hashlib.sha256(body).hexdigest() != sha256:
            await self._end(job, "failed", "What its process wrote was altered on disk: its SHA-256 is not the one that was named.")
            return
        result, now = _result(body), self._clock.now()
        async with self._database.begin() as tx:
            await store.lock(tx, job.tenant_id, job.subject)
            if isinstance(result, Trained):
                model_id = await store.register(tx, job.tenant_id, job.subject, result.fitted, result.rival_id, now)
            else:
                model_id = _evaluated(job)
                found = Evaluation(result.rival_id, result.held.metrics[0], _rival_of(result))
                await store.keep_evaluation(tx, job.tenant_id, model_id, result.held.held_out, found, now)
            if not await jobs.end(tx, job, "done", now, None, model_id):
                raise _Lost

    async def _end(self, job: Job, state: jobs.State, detail: str) -> None:
        async with self._database.begin() as tx:
            await jobs.end(tx, job, state, self._clock.now(), detail)


def _evaluated(job: Job) -> UUID:
    if job.model_id is None:
        raise AssertionError("an evaluation is of a model")
    return job.model_id


def _rival_of(result: Evaluated) -> Mapping[str, float]:
    return result.held.plain if result.rival_id is None else result.held.metrics[1]


class ScoreKeeper:
    """Keeps what the live model and the one in the shadow say of each claim or denial that comes, beside each other."""

    def __init__(self, database: Database, learners: Mapping[Subject, Learner]) -> None:
        self._database, self._learners = database, learners
        self._registries: dict[Subject, Registry[Any]] = {
            subject: Registry(subject, learner.read) for subject, learner in learners.items()
        }

    async def run(self) -> None:
        """Work until cancelled."""
        await look_again(self.step, idle_seconds=_SCORE_SECONDS, waiting="model_scores_wait")

    async def step(self) -> float | None:
        """Score what came, some of it for each model in use; None where nothing did."""
        async with self._database.begin() as tx:
            waiting = [each for each in await store.to_score(tx) if each.subject in self._learners]
        scored = [await self._score(each) for each in waiting]
        return 0.0 if any(scored) else None

    async def _score(self, of: store.ToScore) -> bool:
        learner = self._learners[of.subject]
        async with self._database.begin() as tx:
            came = await learner.came(tx, of.tenant_id, of.after, _SCORED_AT_ONCE)
            if not came:
                return False
            try:
                ready = await self._registries[of.subject].in_state(tx, of.tenant_id, of.state)
            except Altered as error:
                log.exception("model_altered", model=error.name)
                return False
        if ready is None or ready.model_id != of.model_id:
            return False
        scores: Sequence[float] = await asyncio.to_thread(learner.score, ready.scorer, came)
        async with self._database.begin() as tx:
            await store.keep_scores(tx, of, came, scores)
        return True
