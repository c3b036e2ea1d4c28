"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _make_log()
    _make_what_is_kept_beside_it()


def _make_log() -> None:
    op.create_table(
        "events",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("event_id", sa.String, primary_key=True),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("item_id", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("timestamp", sa.Float, nullable=False),
        sa.Column("received", sa.Float, nullable=False),
        sa.Column("recommendation_id", sa.String),
        sa.Column("position", sa.Integer),
        sa.Column("context", sa.Text),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("undone", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("events_of_subject", "events", ["tenant", "subject", "timestamp"])
    op.create_table(
        "subjects",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("attributes", sa.Text),
        sa.Column("merged_into", sa.String),
        sqlite_with_rowid=False,
    )


def _make_what_is_kept_beside_it() -> None:
    op.create_table(
        "items",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("item_id", sa.String, primary_key=True),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.Column("available", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "answers",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "shown",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("recommendation_id", sa.String, primary_key=True),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("items", sa.Text, nullable=False),
        sa.Column("propensities", sa.Text, nullable=False),
        sa.Column("model_version", sa.String, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("reward", sa.Float),
        sqlite_with_rowid=False,
    )
    op.create_index("shown_to_subject", "shown", ["tenant", "subject"])
    op.create_table(
        "keys",
        sa.Column("key_id", sa.String, primary_key=True),
        sa.Column("secret_hash", sa.String, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("revoked", sa.Float),
    )
    op.create_table(
        "models",
        sa.Column("version", sa.String, primary_key=True),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("activated", sa.Float),
    )


def downgrade() -> None:
    """Remove them."""
    for name in ("models", "keys", "shown", "answers", "items", "subjects", "events"):
        op.drop_table(name)
