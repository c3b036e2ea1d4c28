"""The tables of the store; ``migrations`` brings a database to them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

METADATA = MetaData()
REVISION = "0001"
"""The last of the migrations, which leads to these tables."""

EVENTS = Table(
    "events",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("event_id", String, primary_key=True),
    Column("subject", String, nullable=False, doc="whose event it is: user:ID or session:ID"),
    Column("origin", String, nullable=False, doc="whose it was when it came, before any merge"),
    Column("item_id", String, nullable=False),
    Column("type", String, nullable=False),
    Column("value", Float),
    Column("timestamp", Float, nullable=False, doc="when it happened, seconds since 1970"),
    Column("received", Float, nullable=False, doc="when it came, seconds since 1970"),
    Column("recommendation_id", String),
    Column("position", Integer),
    Column("context", Text, doc="JSON"),
    Column("digest", String, nullable=False, doc="of the body, so that a retry is told from another event"),
    Column("version", BigInteger, nullable=False, doc="the subject's version that this event made"),
    Column("undone", Boolean, nullable=False),
    Index("events_of_subject", "tenant", "subject", "timestamp"),
    sqlite_with_rowid=False,
)
SUBJECTS = Table(
    "subjects",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("version", BigInteger, nullable=False, doc="grows with every change, and never comes again"),
    Column("attributes", Text, doc="JSON"),
    Column("merged_into", String, doc="the subject that a session became at login"),
    sqlite_with_rowid=False,
)
ITEMS = Table(
    "items",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("item_id", String, primary_key=True),
    Column("attributes", Text, nullable=False, doc="JSON: title and whatever describes the item"),
    Column("available", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
ANSWERS = Table(
    "answers",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("key", String, primary_key=True, doc="hash of the request's Idempotency-Key"),
    Column("digest", String, nullable=False, doc="of the request's body"),
    Column("answer", Text, nullable=False, doc="JSON, without anything personal"),
    Column("created", Float, nullable=False),
    sqlite_with_rowid=False,
)
SHOWN = Table(
    "shown",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("recommendation_id", String, primary_key=True),
    Column("subject", String, nullable=False),
    Column("items", Text, nullable=False, doc="JSON: item ids in order"),
    Column("propensities", Text, nullable=False, doc="JSON: the probability with which each was shown"),
    Column("model_version", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("reward", Float),
    Index("shown_to_subject", "tenant", "subject"),
    sqlite_with_rowid=False,
)
KEYS = Table(
    "keys",
    METADATA,
    Column("key_id", String, primary_key=True),
    Column("secret_hash", String, nullable=False),
    Column("tenant", String, nullable=False),
    Column("role", String, nullable=False),
    Column("name", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("revoked", Float),
)
MODELS = Table(
    "models",
    METADATA,
    Column("version", String, primary_key=True),
    Column("path", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("activated", Float, doc="when it was last made the one that answers; the latest is"),
)
