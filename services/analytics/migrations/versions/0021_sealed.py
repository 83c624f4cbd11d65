"""Data keys; kept answers become bytes. They and the secrets of webhooks that were there before are sealed by the worker."""

from alembic import op

from libs.common.schema import create_data_keys_v1, seal_answers_v1, unseal_answers_v1

revision = "0021"
down_revision = "0020"

SERVICE = "analytics"
COLUMNS = ("secret", "old_secret")


def upgrade() -> None:
    create_data_keys_v1(SERVICE)
    seal_answers_v1()
    for table in ("webhooks", "key_rewrites"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")  # it binds the owner too, who has no tenant
    for column in COLUMNS:
        op.execute(
            "INSERT INTO key_rewrites (tenant_id, key_id, place, begins_at)"  # noqa: S608 - our own names
            f" SELECT DISTINCT tenant_id, 1, 'webhooks.{column}', now() FROM webhooks"
        )
    for table in ("webhooks", "key_rewrites"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    """What is sealed stays so, and nothing before this version reads it: go back only from an empty database."""
    unseal_answers_v1()
    op.execute("DROP TABLE key_rewrites, data_keys")
