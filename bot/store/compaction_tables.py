"""The tables of long conversations: what stands for the older part of one, who is making it, and long results."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from bot.store.database import Moment
from bot.store.tables import Id, metadata

summaries = Table(
    "summaries",  # what stands in a prompt for the older part of a conversation, each beginning where that begins
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("after_id", Id, nullable=False),  # it covers what the transcript holds after this id
    Column("until_id", Id, nullable=False),  # up to this one
    Column("before_id", Id),  # the summary that it goes on from
    Column("text", Text, nullable=False),
    Column("origin", String, nullable=False),  # stranger, if anything that it covers may have been written by one
    Column("entries", Integer, nullable=False),  # what was summed up since the summary before it, in entries
    Column("characters", Integer, nullable=False),  # and in characters
    Column("at", Moment, nullable=False),
)
Index("summaries_conversation", summaries.c.conversation_id, summaries.c.until_id)

compactions = Table(
    "compactions",  # who sums up a conversation now, and what is to be done about it next
    metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("worker", String),
    Column("token", String),  # by which the worker knows that it is still wanted
    Column("turn_id", ForeignKey("turns.id")),  # whose money it costs
    Column("begun_at", Moment),
    Column("ready_id", Id),  # the summary that waits for the end of a turn
    Column("due_at", Moment),  # when somebody is to look at it again; none: at the end of the next turn
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row
    Column("error", Text),
    Column("asked_by", ForeignKey("people.id")),  # who wants it now
    Column("focus", Text),  # and what they want to be kept in mind
    Column("was_entries", Integer),  # what the prompt held when they asked
    Column("was_characters", Integer),
)
DUE = compactions.c.due_at.is_not(None)
AT_WORK = compactions.c.worker.is_not(None)
Index("compactions_due", compactions.c.due_at, sqlite_where=DUE, postgresql_where=DUE)
Index("compactions_worker", compactions.c.worker, sqlite_where=AT_WORK, postgresql_where=AT_WORK)

long_results = Table(
    "long_results",  # what tools gave that is too long for a prompt
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("call_key", ForeignKey("calls.key"), nullable=False, unique=True),
    Column("text", Text, nullable=False),
    Column("stranger", Boolean, nullable=False),  # as in calls
    Column("at", Moment, nullable=False),
)
Index("long_results_conversation", long_results.c.conversation_id)
