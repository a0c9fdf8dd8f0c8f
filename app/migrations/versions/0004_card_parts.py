"""Measured controls of circuits."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "card_parts",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("circuit", sa.String(), nullable=False, index=True),
        sa.Column("control", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("card_parts")
