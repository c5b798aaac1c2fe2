"""People who signed in at our pages."""

import sqlalchemy as sa
from alembic import op

from gstack.db.tables import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "browsers",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("credential_id", sa.Text(), nullable=True),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("pending", sa.LargeBinary(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.Column("seen", Moment(), nullable=False),
        sa.Column("ends", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["credentials.id"], name=op.f("fk_browsers_credential_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_browsers")),
    )
    op.create_index(op.f("ix_browsers_credential_id"), "browsers", ["credential_id"])
    op.create_index(op.f("ix_browsers_ends"), "browsers", ["ends"])
