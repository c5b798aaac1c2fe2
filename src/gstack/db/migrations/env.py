"""Run by Alembic: bring the connection that gstack.db.engine hands over to the newest revision."""

from alembic import context

from gstack.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    transactional_ddl=True,  # gstack.db.engine began the transaction, on SQLite too
)
context.run_migrations()
