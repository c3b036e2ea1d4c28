"""What Alembic runs for a migration: on the connection, and in the transaction, that ``migrate`` hands in."""

from alembic import context

from warmstart.serving.store.schema import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
