"""Which executions were active in a backup that was restored: they may have done more than they remember."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workflow_executions", sa.Column("restored", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("workflow_executions", "restored")
