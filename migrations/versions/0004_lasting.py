"""What is written down lasts: the database itself refuses to change it."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APPEND_ONLY = ("workflow_execution_events", "step_outcomes", "review_decisions")
ENDED = "('completed', 'failed', 'cancelled')"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        upgrade_postgresql()
    else:
        upgrade_sqlite()


def upgrade_postgresql() -> None:
    op.execute("""
        CREATE FUNCTION flowbuilder_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '%: what is written here lasts', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$
    """)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_lasts BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION flowbuilder_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_stays BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION flowbuilder_refuse()"
        )
    op.execute(
        "CREATE TRIGGER workflow_versions_lasts BEFORE UPDATE OF document, digest, number ON workflow_versions "
        "FOR EACH ROW EXECUTE FUNCTION flowbuilder_refuse()"
    )
    op.execute(
        f"CREATE TRIGGER workflow_executions_ends BEFORE UPDATE OF status ON workflow_executions FOR EACH ROW "
        f"WHEN (OLD.status IN {ENDED} AND NEW.status <> OLD.status) EXECUTE FUNCTION flowbuilder_refuse()"
    )


def upgrade_sqlite() -> None:
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_lasts_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table}: what is written here lasts'); END"
            )
    op.execute(
        "CREATE TRIGGER workflow_versions_lasts BEFORE UPDATE OF document, digest, number ON workflow_versions "
        "BEGIN SELECT RAISE(ABORT, 'workflow_versions: what is written here lasts'); END"
    )
    op.execute(
        "CREATE TRIGGER workflow_executions_ends BEFORE UPDATE OF status ON workflow_executions "
        f"WHEN OLD.status IN {ENDED} AND NEW.status <> OLD.status "
        "BEGIN SELECT RAISE(ABORT, 'workflow_executions: what is written here lasts'); END"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in APPEND_ONLY:
            op.execute(f"DROP TRIGGER {table}_lasts ON {table}")
            op.execute(f"DROP TRIGGER {table}_stays ON {table}")
        op.execute("DROP TRIGGER workflow_versions_lasts ON workflow_versions")
        op.execute("DROP TRIGGER workflow_executions_ends ON workflow_executions")
        op.execute("DROP FUNCTION flowbuilder_refuse()")
        return
    for table in APPEND_ONLY:
        for verb in ("update", "delete"):
            op.execute(f"DROP TRIGGER {table}_lasts_{verb}")
    op.execute("DROP TRIGGER workflow_versions_lasts")
    op.execute("DROP TRIGGER workflow_executions_ends")
