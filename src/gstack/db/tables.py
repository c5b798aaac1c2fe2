"""Every table of gstack's own database, as SQLAlchemy Core metadata. The migrations create exactly these.

Times are timezone-aware UTC datetimes (`Moment`). JSON columns hold plain Python values. Lease times are seconds since
the epoch by the database's own clock, because replicas compare them.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

SCHEMA = "0004"  # the newest revision in db/migrations/versions; a database at this revision needs no migration


class Moment(TypeDecorator[datetime]):
    """A point in time, always aware and in UTC. SQLite stores no zone, and PostgreSQL answers in the session's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

operations = Table(
    "operations",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # grows with time, so lists are in its order
    Column("name", Text, nullable=False, unique=True),
    Column("owner", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("operation_type", Text, nullable=False),
    Column("work", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("collection", Text, nullable=False),
    Column("target_name", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("credential", Text, nullable=False),
    Column("cloudstack_project", Text),
    Column("cloud", Text, nullable=False, server_default=""),  # config.Settings.cloud; empty: any cloud
    Column("args", JSON, nullable=False),
    Column("insert_time", Moment, nullable=False),
    Column("status", Text, nullable=False),
    Column("progress", Integer, nullable=False),
    Column("status_message", Text, nullable=False),
    Column("start_time", Moment),
    Column("end_time", Moment),
    Column("request_id", Text, nullable=False),
    Column("http_status", Integer, nullable=False),
    Column("http_message", Text, nullable=False),
    Column("faults", JSON, nullable=False),
    Column("warnings", JSON, nullable=False),
    Column("lease_owner", Text),  # the process that works on it, or NULL
    Column("lease_until", Double),  # seconds since the epoch, by the database's clock
)
Index(None, operations.c.owner, operations.c.scope, operations.c.id)
Index(None, operations.c.owner, operations.c.request_id)
Index(None, operations.c.status, operations.c.end_time)

steps = Table(
    "steps",
    metadata,
    Column("operation_id", BigInteger, ForeignKey(operations.c.id, ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("state", Text, nullable=False),  # intent, job, done, failed
    Column("command", Text, nullable=False),  # CloudStack's; empty for a decision
    Column("job_id", Text),
    Column("result", JSON(none_as_null=True)),
    Column("failure", JSON(none_as_null=True)),
    Column("started", Moment, nullable=False),
    Column("ended", Moment),
)

holds = Table(
    "holds",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("operation_id", BigInteger, ForeignKey(operations.c.id, ondelete="CASCADE"), nullable=False, index=True),
)

facts = Table(
    "facts",
    metadata,
    Column("uuid", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text),  # the fact `name`, to find the uuid by it
    Column("facts", JSON, nullable=False),
)
Index(None, facts.c.owner, facts.c.kind, facts.c.name)

objects = Table(
    "objects",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("collection", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("body", JSON, nullable=False),
)

ids = Table(
    "ids",
    metadata,
    Column("gce_id", Text, primary_key=True),
    Column("uuid", Text, nullable=False),
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # pair, key
    Column("account", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("domain_id", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("api_key", Text, nullable=False, index=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("created", Moment, nullable=False),
    Column("revoked", Moment),
)

service_keys = Table(
    "service_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("credential_id", Text, ForeignKey(credentials.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("email", Text, nullable=False, index=True),
    Column("public_key", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("expires", Moment),
    Column("revoked", Moment),
    Column("last_used", Moment),
    Column("label", Text, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # access, refresh, code
    Column("family", Text, nullable=False, index=True),
    Column("credential_id", Text, ForeignKey(credentials.c.id, ondelete="CASCADE"), index=True),
    Column("client_id", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("expires", Moment, nullable=False, index=True),
    Column("used", Moment),
    Column("revoked", Moment),
    Column("data", JSON, nullable=False),
)

clients = Table(
    "clients",
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret_hash", Text),
    Column("name", Text, nullable=False),
    Column("redirect_uris", JSON, nullable=False),
    Column("created", Moment, nullable=False),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sealed_key", LargeBinary, nullable=False),
    Column("created", Moment, nullable=False),
)

subjects = Table(
    "subjects",
    metadata,
    Column("id", Text, primary_key=True),
    Column("issuer", Text, nullable=False, index=True),  # its name in the settings
    Column("conditions", JSON, nullable=False),
    Column("credential_id", Text, ForeignKey(credentials.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("email", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("revoked", Moment),
    Column("last_used", Moment),
)

attempts = Table(
    "attempts",
    metadata,
    Column("key", Text, primary_key=True),  # a hash of an address, of an account, or of both
    Column("failures", Integer, nullable=False),
    Column("seen", Moment, nullable=False, index=True),
    Column("until", Moment),  # no attempt is allowed before this
    Column("good", Moment),  # when this account last proved itself from this address
)

browsers = Table(
    "browsers",
    metadata,
    Column("hash", Text, primary_key=True),  # of the cookie
    Column("credential_id", Text, ForeignKey(credentials.c.id, ondelete="CASCADE"), index=True),  # NULL: not chosen yet
    Column("user_name", Text, nullable=False),
    Column("pending", LargeBinary),  # the sealed CloudStack session of a user who has no key pair yet
    Column("agent", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("seen", Moment, nullable=False),
    Column("ends", Moment, nullable=False, index=True),
)
