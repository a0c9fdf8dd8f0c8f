"""Jobs that outlive their worker: whose they are, how often they were lost; the workers that live."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    jobs = sa.table("jobs", sa.column("kind"), sa.column("request"), sa.column("state"), sa.column("error"))
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("kind", sa.String(), nullable=False, server_default="prune"))
        table.add_column(sa.Column("visitor", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("live_key", sa.String(), nullable=True))
        table.add_column(sa.Column("stop_asked", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("n_lost", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("resumed_from_step", sa.Integer(), nullable=True))
        table.create_index("ix_jobs_visitor", ["visitor"])
        table.create_unique_constraint("uq_jobs_live_key", ["live_key"])
    op.execute(jobs.update().where(jobs.c.request.like('%"kind":"card"%')).values(kind="card"))
    # What an earlier version left interrupted has no checkpoint and nobody waits for it.
    op.execute(jobs.update().where(jobs.c.state == "interrupted").values(state="failed"))
    op.create_table(
        "workers",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("workers")
    with op.batch_alter_table("jobs") as table:
        table.drop_constraint("uq_jobs_live_key", type_="unique")
        table.drop_index("ix_jobs_visitor")
        for column in ("kind", "visitor", "live_key", "stop_asked", "n_lost", "resumed_from_step"):
            table.drop_column(column)
