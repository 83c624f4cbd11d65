"""SQL of models and of what was measured of them; nothing here commits."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver, lock_name, touched
from libs.common.ids import uuid7
from services.classifier.models.life import Evaluation, State, Subject
from services.classifier.models.sealing import is_sealed, sealed
from services.classifier.models.told import Came, Fitted, Period

_encode = msgspec.json.Encoder().encode


class Model(Struct, frozen=True):
    """One registered model without its file. `first_on` to `last_on` is what it learned from."""

    tenant_id: str
    model_id: UUID
    subject: Subject
    version: int
    state: State
    sha256: str
    size_bytes: int
    first_on: date
    last_on: date
    rows: int
    card: dict[str, Any]
    created_at: datetime
    changed_at: datetime
    promoted_at: datetime | None

    @property
    def name(self) -> str:
        return name_of(self.subject, self.version)


def name_of(subject: Subject, version: int) -> str:
    return f"{subject}-{version}"


class Measured(Struct, frozen=True):
    """One evaluation as it is kept."""

    evaluation_id: UUID
    model_id: UUID
    rival_id: UUID | None
    first_on: date
    last_on: date
    rows: int
    metrics: dict[str, float]
    rival: dict[str, float]
    evaluated_at: datetime

    @property
    def evaluation(self) -> Evaluation:
        return Evaluation(self.rival_id, self.metrics, self.rival)


_FIELDS: Final = ", ".join(name for name in Model.__struct_fields__ if name not in ("size_bytes", "card"))
_SELECT: Final = f"SELECT {_FIELDS}, octet_length(body) AS size_bytes, card::text AS card FROM models"  # noqa: S608 - our own names


async def lock(tx: AsyncConnection, tenant_id: str, subject: Subject) -> None:
    """Hold a tenant's models of a subject: versions are numbered one after the other, and one is live."""
    await lock_name(tx, "recours.models", tenant_id, subject)


async def register(
    tx: AsyncConnection, tenant_id: str, subject: Subject, fitted: Fitted, rival_id: UUID | None, now: datetime
) -> UUID:
    """Write a model that was fit, as a candidate, with what was measured of it. The subject must be locked."""
    model_id = uuid7()
    sha256 = hashlib.sha256(fitted.body).hexdigest()
    await tx.execute(
        text(
            "INSERT INTO models (tenant_id, model_id, subject, version, state, body, sha256, seal, first_on, last_on, rows, card,"
            " created_at, changed_at, scored_xid) SELECT :tenant, :model, :subject, COALESCE(max(version), 0) + 1, 'candidate',"
            " :body, :sha256, :seal, :first_on, :last_on, :rows, CAST(:card AS jsonb), :now, :now,"
            " pg_snapshot_xmin(pg_current_snapshot())"
            " FROM models WHERE tenant_id = :tenant AND subject = :subject"
        ),
        {
            "tenant": tenant_id,
            "model": model_id,
            "subject": subject,
            "body": fitted.body,
            "sha256": sha256,
            "seal": sealed(tenant_id, model_id, sha256),
            "first_on": fitted.learned.first_on,
            "last_on": fitted.learned.last_on,
            "rows": fitted.learned.rows,
            "card": _encode(fitted.card).decode(),
            "now": now,
        },
    )
    await keep_evaluation(tx, tenant_id, model_id, fitted.held_out, Evaluation(rival_id, fitted.metrics, fitted.rival), now)
    return model_id


async def keep_evaluation(
    tx: AsyncConnection, tenant_id: str, model_id: UUID, held_out: Period, found: Evaluation, now: datetime
) -> None:
    """Write what was measured of a model."""
    await tx.execute(
        text(
            "INSERT INTO model_evaluations (tenant_id, evaluation_id, model_id, rival_id, first_on, last_on, rows, metrics, rival,"
            " evaluated_at) VALUES (:tenant, :evaluation, :model, :rival_id, :first_on, :last_on, :rows, CAST(:metrics AS jsonb),"
            " CAST(:rival AS jsonb), :now)"
        ),
        {
            "tenant": tenant_id,
            "evaluation": uuid7(),
            "model": model_id,
            "rival_id": found.rival_id,
            **msgspec.structs.asdict(held_out),
            "metrics": _encode(found.metrics).decode(),
            "rival": _encode(found.rival).decode(),
            "now": now,
        },
    )


async def evaluations(tx: AsyncConnection, tenant_id: str, model_id: UUID) -> list[Measured]:
    """Return what was measured of a model, newest first."""
    query = text(
        "SELECT evaluation_id, model_id, rival_id, first_on, last_on, rows, metrics::text, rival::text, evaluated_at"
        " FROM model_evaluations WHERE tenant_id = :t AND model_id = :m ORDER BY evaluation_id DESC"
    )
    rows = (await tx.execute(query, {"t": tenant_id, "m": model_id})).mappings()
    figures = msgspec.json.Decoder(dict[str, float]).decode
    return [Measured(**dict(row) | {name: figures(row[name]) for name in ("metrics", "rival")}) for row in rows]


async def get(tx: AsyncConnection, tenant_id: str, model_id: UUID) -> Model | None:
    row = (await tx.execute(text(f"{_SELECT} WHERE tenant_id = :t AND model_id = :m"), {"t": tenant_id, "m": model_id})).mappings()
    found = row.first()
    return None if found is None else _model(found)


async def find(
    tx: AsyncConnection, tenant_id: str, subject: Subject | None, state: State | None, *, before: UUID | None, limit: int
) -> list[Model]:
    """Return models, newest first."""
    query = text(
        f"{_SELECT} WHERE tenant_id = :t AND (CAST(:s AS text) IS NULL OR subject = :s)"
        " AND (CAST(:state AS text) IS NULL OR state = :state)"
        " AND (CAST(:before AS uuid) IS NULL OR model_id < :before) ORDER BY model_id DESC LIMIT :limit"
    )
    rows = await tx.execute(query, {"t": tenant_id, "s": subject, "state": state, "before": before, "limit": limit})
    return [_model(row) for row in rows.mappings()]


async def in_use(tx: AsyncConnection, tenant_id: str, subject: Subject) -> dict[State, Model]:
    """Return the live model and the one in the shadow, where there are any."""
    query = text(f"{_SELECT} WHERE tenant_id = :t AND subject = :s AND state IN ('live', 'shadow')")
    return {row["state"]: _model(row) for row in (await tx.execute(query, {"t": tenant_id, "s": subject})).mappings()}


class InUse(Struct, frozen=True):
    """Which model is live or in the shadow, without its card: what is asked with every question."""

    tenant_id: str
    model_id: UUID
    name: str


async def named_in_use(tx: AsyncConnection, tenant_id: str, subject: Subject, state: State) -> InUse | None:
    """Return the live model, or the one in the shadow, by name."""
    query = text("SELECT model_id, version FROM models WHERE tenant_id = :t AND subject = :s AND state = :state")
    row = (await tx.execute(query, {"t": tenant_id, "s": subject, "state": state})).one_or_none()
    return None if row is None else InUse(tenant_id, row.model_id, name_of(subject, row.version))


async def before_live(tx: AsyncConnection, tenant_id: str, subject: Subject) -> Model | None:
    """Return the model that gave way to the live one last."""
    query = text(
        f"{_SELECT} WHERE tenant_id = :t AND subject = :s AND state = 'retired' AND promoted_at IS NOT NULL"
        " ORDER BY promoted_at DESC, version DESC LIMIT 1"
    )
    found = (await tx.execute(query, {"t": tenant_id, "s": subject})).mappings().first()
    return None if found is None else _model(found)


async def move(tx: AsyncConnection, model: Model, state: State, now: datetime) -> None:
    """Give a model another state."""
    query = text(
        "UPDATE models SET state = :state, changed_at = :now,"
        " promoted_at = CASE WHEN :state = 'live' THEN :now ELSE promoted_at END WHERE tenant_id = :t AND model_id = :m"
    )
    await tx.execute(query, {"state": state, "now": now, "t": model.tenant_id, "m": model.model_id})


async def body(tx: AsyncConnection, tenant_id: str, model_id: UUID) -> tuple[bytes, str, bool]:
    """Return a model's file as it lies here, the SHA-256 that was registered with it, and whether its seal holds.

    See registry.py, which proves the file by them.
    """
    query = text("SELECT body, sha256, seal FROM models WHERE tenant_id = :t AND model_id = :m")
    row = (await tx.execute(query, {"t": tenant_id, "m": model_id})).one()
    return bytes(row.body), row.sha256, is_sealed(tenant_id, model_id, row.sha256, bytes(row.seal))


class ToScore(Struct, frozen=True):
    """A model in use, and up to where it has said its score."""

    tenant_id: str
    subject: Subject
    model_id: UUID
    state: State
    after: tuple[int, UUID]


async def to_score(tx: AsyncConnection) -> list[ToScore]:
    """Return the models in use, of all tenants."""
    rows = await (await driver(tx)).fetch(
        "SELECT tenant_id, subject, model_id, state, scored_xid::text AS xid, scored_id FROM models"
        " WHERE state IN ('live', 'shadow')"
    )
    return [
        ToScore(row["tenant_id"], row["subject"], row["model_id"], row["state"], (int(row["xid"]), row["scored_id"]))
        for row in rows
    ]


async def keep_scores(tx: AsyncConnection, of: ToScore, came: Sequence[Came], scores: Sequence[float]) -> None:
    """Write what a model says, and up to where it has; what another worker wrote meanwhile stays."""
    connection = await driver(tx)
    last = came[-1].place
    moved = await connection.execute(
        "UPDATE models SET scored_xid = $1::text::xid8, scored_id = $2 WHERE tenant_id = $3 AND model_id = $4"
        " AND (scored_xid, scored_id) = ($5::text::xid8, $6)",
        str(last[0]), last[1], of.tenant_id, of.model_id, str(of.after[0]), of.after[1],
    )  # fmt: skip
    if moved.endswith(" 1"):
        await connection.execute(
            "INSERT INTO model_scores (tenant_id, model_id, about, score, judged_on)"
            " SELECT $1, $2, * FROM unnest($3::uuid[], $4::real[], $5::date[]) ON CONFLICT DO NOTHING",
            of.tenant_id, of.model_id, [each.about for each in came], list(scores), [each.judged_on for each in came],
        )  # fmt: skip


async def forget_scores(tx: AsyncConnection, tenant_id: str, before: date, limit: int) -> int:
    """Remove what a tenant's models said of what is older than a day, at most so much of it; return how much that was."""
    query = """
    DELETE FROM model_scores USING (
        SELECT oldest.* FROM models CROSS JOIN LATERAL (
            SELECT tenant_id, model_id, judged_on, about FROM model_scores AS scores
            WHERE scores.tenant_id = models.tenant_id AND scores.model_id = models.model_id AND judged_on < $2
            ORDER BY judged_on, about LIMIT $3) AS oldest
        WHERE models.tenant_id = $1 LIMIT $3) AS old
    WHERE model_scores.tenant_id = old.tenant_id AND model_scores.model_id = old.model_id
      AND model_scores.judged_on = old.judged_on AND model_scores.about = old.about
    """
    return touched(await (await driver(tx)).execute(query, tenant_id, before, limit))


# Of each model and day the same part, whatever the model: ids are hashes, and the first of a day are as good as any.
LOOKED_AT: Final = """
SELECT scores.model_id, scores.about, scores.score, scores.judged_on
FROM unnest($2::uuid[]) AS chosen (model_id) CROSS JOIN generate_series(0, $4::date - $3::date) AS since (days)
CROSS JOIN LATERAL (
    SELECT * FROM model_scores WHERE tenant_id = $1 AND model_id = chosen.model_id AND judged_on = $3::date + since.days
    ORDER BY about LIMIT $5) AS scores
"""


async def scored_by_day(tx: AsyncConnection, tenant_id: str, model_id: UUID, first_on: date, last_on: date) -> dict[date, int]:
    """Count what a model said something of, by day."""
    rows = await (await driver(tx)).fetch(
        "SELECT judged_on, count(*) AS n FROM model_scores WHERE tenant_id = $1 AND model_id = $2"
        " AND judged_on BETWEEN $3 AND $4 GROUP BY judged_on",
        tenant_id, model_id, first_on, last_on,
    )  # fmt: skip
    return {row["judged_on"]: row["n"] for row in rows}


def _model(row: Any) -> Model:
    return Model(**dict(row) | {"card": msgspec.json.decode(row["card"])})
