"""The values of sensitive inputs, apart from everything that is shown."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "sensitive_inputs",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("held_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_sensitive_inputs"),
    )
    op.create_index("ix_sensitive_inputs_held_at", "sensitive_inputs", ["held_at"])


def downgrade() -> None:
    op.drop_table("sensitive_inputs")
