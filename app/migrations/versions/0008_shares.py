"""Shares of a job that any worker may take; the circuit that one was forked from as a column."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_shares",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("job", sa.String(), sa.ForeignKey("jobs.id"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("n_lost", sa.Integer(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.UniqueConstraint("job", "number"),
    )
    op.create_index("ix_job_shares_job", "job_shares", ["job"])
    with op.batch_alter_table("circuits") as table:
        table.add_column(sa.Column("forked_from", sa.String(), nullable=True))
        table.create_index("ix_circuits_forked_from", ["forked_from"])
    circuits = sa.table("circuits", sa.column("id"), sa.column("detail"), sa.column("forked_from"))
    forked = sa.select(circuits.c.id, circuits.c.detail).where(circuits.c.detail.like('%"forked":{"circuit":"%'))
    for circuit, detail in op.get_bind().execute(forked).all():
        came = json.loads(detail)["provenance"]["forked"]
        if came:
            op.execute(circuits.update().where(circuits.c.id == circuit).values(forked_from=came["circuit"]))


def downgrade() -> None:
    with op.batch_alter_table("circuits") as table:
        table.drop_index("ix_circuits_forked_from")
        table.drop_column("forked_from")
    op.drop_table("job_shares")
