"""Who made what and whether it is published; short links."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "made",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("record", sa.String(), primary_key=True),
        sa.Column("maker", sa.String(), primary_key=True, index=True),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("published_at", sa.DateTime(), nullable=True, index=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
    )
    op.create_table(
        "short_links",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("short_links")
    op.drop_table("made")
