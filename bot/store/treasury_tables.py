"""The treasury's tables: keys and their health, caps, reservations and the ledger; they stand in the house's database."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    false,
    literal_column,
)

from bot.store.database import Moment
from bot.store.tables import Id, metadata

budgets = Table(
    "budgets",  # what each spender has spent in a period, and what is held for it; a row from its first reservation on
    metadata,
    Column("scope", String, nullable=False),  # house, butler:cook, person:1, job:…, conversation:3, root:7, key:groq-1:…
    Column("period", String, nullable=False),  # day:2026-11-21 and month:2026-11, in UTC, or all
    Column("held", BigInteger, nullable=False),  # nano-dollars
    Column("spent", BigInteger, nullable=False),  # nano-dollars
    Column("held_tokens", BigInteger, nullable=False, server_default="0"),
    Column("spent_tokens", BigInteger, nullable=False, server_default="0"),
    Column("unreported", BigInteger, nullable=False, server_default="0"),  # nano-dollars charged in full, as nobody reported
    Column("told_usd", Integer, nullable=False, server_default="0"),  # per cent of the cap that owners were told of
    Column("told_tokens", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("scope", "period"),
)

Index("budgets_period", budgets.c.period, budgets.c.scope)

caps = Table(
    "caps",  # what owners set in a chat; the settings hold what nobody set there
    metadata,
    Column("scope", String, nullable=False),
    Column("period", String, nullable=False),  # day, month, all; or day:2026-11-21, which is added to that day's cap
    Column("unit", String, nullable=False),  # usd, tokens
    Column("amount", BigInteger, nullable=False),  # nano-dollars or tokens
    PrimaryKeyConstraint("scope", "period", "unit"),
)

choices = Table(
    "choices",  # what owners chose in a chat for the whole house, and since when it counts anew
    metadata,
    Column("name", String, primary_key=True),  # budget mode, era
    Column("value", String, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),  # anthropic-1
    Column("provider", String, nullable=False),
    Column("position", Integer, nullable=False),
    Column("fingerprint", String, nullable=False),  # by which a replaced key is known; the key itself is not kept
    Column("organisation", String),  # whose limits it shares, as the owner's table or the provider said
    Column("day", String, nullable=False),  # day:2026-11-21, of which the next column speaks
    Column("free", BigInteger, nullable=False),  # tokens that neither its day's nor its month's limit takes away
    Column("is_set", Boolean, nullable=False),  # false: the settings no longer name it
    Column("probe_asked", Boolean, nullable=False, server_default=false()),  # somebody wants to know if it is accepted
    Column("probe_for", ForeignKey("conversations.id")),  # and is to be told there
)
Index(
    "keys_free",
    keys.c.provider,
    keys.c.free.desc(),
    keys.c.position,
    sqlite_where=keys.c.is_set,
    postgresql_where=keys.c.is_set,
)

rests = Table(
    "rests",  # who is not to be asked, and until when
    metadata,
    Column("subject", String, nullable=False),  # key:groq-1, organisation:groq:org-x, provider:groq
    Column("model", String, nullable=False),  # empty: all
    Column("kind", String, nullable=False),  # refused, no credit, rate limited, overloaded, unavailable, owner
    Column("until", Moment),  # none: until somebody mends it
    Column("since", Moment, nullable=False),
    Column("failures", Integer, nullable=False),  # in a row
    Column("reason", Text, nullable=False),  # in the provider's words
    Column("probe_id", Id),  # the reservation of the one request that tries whether the provider answers again
    PrimaryKeyConstraint("subject", "model"),
)

sessions = Table(
    "sessions",  # a conversation's spending on the key that holds its cache
    metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("key_id", String, nullable=False),
    Column("model", String, nullable=False),
    Column("allocated", BigInteger, nullable=False),  # tokens that were free when it came to this key
    Column("used", BigInteger, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("used_at", Moment, nullable=False),
    Column("wanted_key", String),  # the key that somebody chose for it
    Column("leave", Boolean, nullable=False, server_default=false()),  # the next request goes by another key, if there is one
    Column("why", Text),  # for what reason
)

key_history = Table(
    "key_history",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("event", String, nullable=False),  # rotated, rests, refused, alert, probed, replaced
    Column("key_id", String, nullable=False),
    Column("to_key", String),
    Column("conversation_id", Id),
    Column("turn_id", Id),
    Column("reason", Text, nullable=False),
)
Index("key_history_conversation", key_history.c.conversation_id)

reservations = Table(
    "reservations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("turn_id", ForeignKey("turns.id"), nullable=False),
    Column("key_id", String, nullable=False),
    Column("provider", String, nullable=False, server_default="anthropic"),
    Column("model", String, nullable=False),
    Column("period", String, nullable=False),  # day:2026-11-21
    Column("scopes", Text, nullable=False, server_default="\nhouse\n"),  # the budgets in which it is held, a line each
    Column("upper", BigInteger, nullable=False),  # nano-dollars
    Column("tokens", BigInteger, nullable=False, server_default="0"),
    Column("size", BigInteger, nullable=False, server_default="0"),  # bytes of the prompt
    Column("said", BigInteger, nullable=False, server_default="0"),  # what the prompt weighs, in pieces of text
    Column("forms", BigInteger, nullable=False, server_default="0"),  # and the forms of its tools
    Column("head", BigInteger, nullable=False, server_default="0"),  # equal where instructions and tools are
    Column("state", String, nullable=False),  # held, settled
    Column("made_at", Moment, nullable=False),
)
HELD = reservations.c.state == literal_column("'held'")
Index("reservations_held", reservations.c.turn_id, sqlite_where=HELD, postgresql_where=HELD)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Id, primary_key=True),
    Column("reservation_id", ForeignKey("reservations.id"), nullable=False, unique=True),
    Column("turn_id", ForeignKey("turns.id"), nullable=False),
    Column("key_id", String, nullable=False),
    Column("model", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("input", BigInteger, nullable=False),  # tokens, as the four below
    Column("output", BigInteger, nullable=False),
    Column("cache_read", BigInteger, nullable=False),
    Column("cache_write", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False, server_default="0"),  # what counts towards limits in tokens
    Column("cost", BigInteger, nullable=False),  # nano-dollars
    Column("reported", Boolean, nullable=False),  # false: nobody reported the usage, so the upper bound is charged
)
Index("ledger_turn", ledger.c.turn_id)
Index("ledger_key", ledger.c.key_id, ledger.c.id)
