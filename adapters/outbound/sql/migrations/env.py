"""Runs migrations on the connection that `adapters.outbound.sql.migrate` hands over."""

from alembic import context

from adapters.outbound.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=False,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
