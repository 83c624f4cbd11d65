"""The worklist with leases and warnings, teams, tags, comments, bulk actions and submissions; what is known of payers."""

from alembic import op

from libs.common.messaging.schema import secure_tenant_table

revision = "0006"
down_revision = "0005"

SERVICE = "appeals"

TABLES = {
    # One narrow row a case: what changes by the clock and by who holds it must not rewrite the case itself.
    "worklist": """
        tenant_id text NOT NULL,
        case_id uuid NOT NULL,
        payer_id text NOT NULL,
        place text NOT NULL CHECK (place IN ('free', 'leased', 'snoozed', 'away')),
        queue text NOT NULL,  -- whose turn it is: person:NAME, team:NAME, or anybody's
        score bigint NOT NULL,
        expected_cents bigint NOT NULL,
        amount_cents bigint NOT NULL,
        level text,
        deadline_on date,
        deadline_is text NOT NULL CHECK (deadline_is IN ('firm', 'assumed', 'unknown', 'none')),
        expires_on date,
        known_on date,
        look_at timestamptz,  -- the first moment at which time alone changes the row
        assignee text,
        team text,
        holder text,
        leased_until timestamptz,
        snoozed_until date,
        expired_for date,  -- the last day of which it expired already
        told jsonb NOT NULL,  -- what its deadlines and its chance are reckoned from
        PRIMARY KEY (tenant_id, case_id)
    """,
    "case_warnings": """
        tenant_id text NOT NULL,
        case_id uuid NOT NULL,
        deadline_on date NOT NULL,
        days_before integer NOT NULL,
        raised_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, case_id, deadline_on, days_before)
    """,
    "team_members": """
        tenant_id text NOT NULL,
        team text NOT NULL,
        member text NOT NULL,
        PRIMARY KEY (tenant_id, team, member)
    """,
    "case_tags": """
        tenant_id text NOT NULL,
        case_id uuid NOT NULL,
        tag text NOT NULL,
        PRIMARY KEY (tenant_id, case_id, tag)
    """,
    "worklist_history": """
        tenant_id text NOT NULL,
        case_id uuid NOT NULL,
        row_id uuid NOT NULL,  -- version 7
        changes jsonb NOT NULL,  -- field -> [before, after]
        who text NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, case_id, row_id)
    """,
    "case_comments": """
        tenant_id text NOT NULL,
        comment_id uuid NOT NULL,  -- version 7
        case_id uuid NOT NULL,
        author text NOT NULL,
        words text NOT NULL,
        mentions text[] NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, comment_id)
    """,
    "bulk_actions": """
        tenant_id text NOT NULL,
        bulk_id uuid NOT NULL,  -- version 7
        action jsonb NOT NULL,
        chosen jsonb NOT NULL,  -- the filter
        who text NOT NULL,
        state text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'cancelled')),
        position uuid NOT NULL,  -- the last case that was gone through
        total bigint NOT NULL,
        passed bigint NOT NULL,
        done bigint NOT NULL,
        refused bigint NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, bulk_id)
    """,
    "bulk_refusals": """
        tenant_id text NOT NULL,
        bulk_id uuid NOT NULL,
        case_id uuid NOT NULL,
        reason text NOT NULL,
        detail text NOT NULL,
        PRIMARY KEY (tenant_id, bulk_id, case_id)
    """,
    "submissions": """
        tenant_id text NOT NULL,
        submission_id uuid NOT NULL,  -- version 7
        payer_id text NOT NULL,
        category text NOT NULL,
        note text NOT NULL,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, submission_id)
    """,
    "submission_cases": """
        tenant_id text NOT NULL,
        case_id uuid NOT NULL,  -- in one submission at a time
        submission_id uuid NOT NULL,
        PRIMARY KEY (tenant_id, case_id)
    """,
    "payers": """
        tenant_id text NOT NULL,
        payer_id text NOT NULL,
        payer_name text NOT NULL,
        payer_kind text,
        version integer NOT NULL,  -- of its entry; 0: nobody wrote one
        entry jsonb NOT NULL,
        levels_version integer NOT NULL,  -- 0: nobody settled its levels
        first_seen_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, payer_id)
    """,
    "payer_versions": """
        tenant_id text NOT NULL,
        payer_id text NOT NULL,
        what text NOT NULL CHECK (what IN ('entry', 'levels')),
        version integer NOT NULL,
        told jsonb NOT NULL,
        who text NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, payer_id, what, version)
    """,
}
INDEXES = {
    # `cases:next` is one look into this: the best of a queue that nobody holds.
    "worklist_best": "worklist (tenant_id, queue, score DESC, case_id) WHERE place = 'free'",
    "worklist_due": "worklist (look_at) WHERE look_at IS NOT NULL",
    "worklist_leased": "worklist (tenant_id, leased_until) WHERE place = 'leased'",
    "worklist_by_deadline": "worklist (tenant_id, deadline_on, case_id) WHERE place <> 'away'",
    "worklist_by_expected": "worklist (tenant_id, expected_cents, case_id) WHERE place <> 'away'",
    "worklist_by_amount": "worklist (tenant_id, amount_cents, case_id) WHERE place <> 'away'",
    "worklist_by_payer": "worklist (tenant_id, payer_id, deadline_is) WHERE place <> 'away'",
    "team_members_of": "team_members (tenant_id, member)",
    "case_tags_of": "case_tags (tenant_id, tag, case_id)",
    "case_comments_of": "case_comments (tenant_id, case_id, comment_id)",
    "case_comments_to": "case_comments USING gin (mentions)",
    "bulk_actions_open": "bulk_actions (bulk_id) WHERE state IN ('waiting', 'running')",
    "submission_cases_of": "submission_cases (tenant_id, submission_id, case_id)",
}
# Cases that are here already: the clock looks at each at once, and finds its place.
EARLIER = """
INSERT INTO worklist (tenant_id, case_id, payer_id, place, queue, score, expected_cents, amount_cents, deadline_is, look_at, told)
SELECT tenant_id, case_id, payer_id, 'away', '', 0, 0, denied_cents, 'none', now(), jsonb_build_object('facts', jsonb_build_object(
    'action', action, 'alternative_actions', '[]'::jsonb, 'payment_on', payment_on)) FROM cases
"""
EARLIER_PAYERS = """
INSERT INTO payers (tenant_id, payer_id, payer_name, version, entry, levels_version, first_seen_at)
SELECT tenant_id, payer_id, min(payer_name), 0, '{}', 0, min(opened_at) FROM cases GROUP BY tenant_id, payer_id
"""
ONLY_GROW = ("case_warnings", "case_comments", "payer_versions", "worklist_history")


def upgrade() -> None:
    for table, columns in TABLES.items():
        op.execute(f"CREATE TABLE {table} ({columns})")
    op.execute("ALTER TABLE cases NO FORCE ROW LEVEL SECURITY")  # it binds the owner too, who has no tenant
    op.execute(EARLIER)
    op.execute(EARLIER_PAYERS)
    op.execute("ALTER TABLE cases FORCE ROW LEVEL SECURITY")
    for table in TABLES:
        secure_tenant_table(SERVICE, table)
    for name, columns in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {columns}")
    for table in ONLY_GROW:
        op.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {SERVICE}_api, {SERVICE}_worker")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
