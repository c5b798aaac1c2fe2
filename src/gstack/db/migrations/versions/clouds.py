"""The cloud of each operation; those from before have none, and an older replica writes none."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("operations", sa.Column("cloud", sa.Text(), nullable=False, server_default=""))
