"""The tables of schedules: what is due when, what became of each due time, and what waits for the end of quiet hours."""

from sqlalchemy import (
    JSON,
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
    UniqueConstraint,
    literal_column,
)

from bot.store.database import Moment
from bot.store.tables import Id, metadata

schedules = Table(
    "schedules",
    metadata,
    Column("id", Id, primary_key=True),
    Column("butler", String, nullable=False),
    Column("name", String, nullable=False),
    Column("source", String, nullable=False),  # toml, chat, house
    Column("purpose", String, nullable=False),  # task, reminder, nudge, trigger
    Column("person_id", ForeignKey("people.id")),  # none: the owner, who never wrote yet
    Column("conversation_id", ForeignKey("conversations.id")),  # where its answers go; none: the person's main chat
    Column("place_id", ForeignKey("conversations.id")),  # where its turns take place, from its first run on
    Column("form", String, nullable=False),  # once, cron, every
    Column("spec", Text, nullable=False),  # a point in time, a cron expression, seconds
    Column("zone", String, nullable=False),  # an IANA name
    Column("follows", Boolean, nullable=False),  # its zone is the person's, and changes with it
    Column("anchor", Moment, nullable=False),  # from which intervals are counted
    Column("prompt", Text, nullable=False),
    Column("prompt_file", String),  # in the butler's folder, read at each run in the place of the prompt
    Column("check", JSON(none_as_null=True)),  # what is looked at before a turn is started: {"name": …, arguments}
    Column("cursor", JSON(none_as_null=True)),  # how far that look came
    Column("silent", Boolean, nullable=False),  # its answers stay in the log
    Column("urgent", Boolean, nullable=False),  # they do not wait for the end of quiet hours
    Column("exact", Boolean, nullable=False),  # it is not spread over its minute
    Column("catch_up", String, nullable=False),  # latest, all, skip
    Column("until", Moment),
    Column("max_cost", BigInteger),  # nano-dollars, of one run
    Column("max_cost_month", BigInteger),  # nano-dollars, of a month
    Column("root_id", Id),  # the turn that made it, and from whose budget it spends
    Column("is_on", Boolean, nullable=False),
    Column("off_by", String),  # person, toml, file, butler, failures, done, removed
    Column("next_at", Moment),  # when it is due next
    Column("fire_at", Moment),  # when that is carried out: then, or a little later where many are due at once
    Column("failures", Integer, nullable=False),  # in a row
    Column("made_at", Moment, nullable=False),
    Column("made_by", String, unique=True),  # the tool call that made it
)
ON = schedules.c.is_on.is_(True)
Index("schedules_due", schedules.c.fire_at, sqlite_where=ON, postgresql_where=ON)
Index("schedules_name", schedules.c.butler, schedules.c.name)
Index("schedules_person", schedules.c.person_id, schedules.c.next_at)
Index("schedules_place", schedules.c.place_id)

runs = Table(
    "runs",  # one for each due time; a row of skipped ones may stand for several in a row
    metadata,
    Column("id", Id, primary_key=True),
    Column("schedule_id", ForeignKey("schedules.id"), nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("through", Moment),  # the last due time that a row stands for
    Column("times", Integer, nullable=False),  # how many due times that are; 0: more than were counted
    Column("state", String, nullable=False),  # checking, waiting, running, retrying, done, failed, skipped, stopped
    Column("why", Text),  # why it was skipped, or failed
    Column("note", Text),  # what the look before it found, for the butler
    Column("tainted", Boolean, nullable=False),  # a stranger may have written some of that
    Column("by_hand", Boolean, nullable=False),  # somebody asked for it, and no time came
    Column("tries", Integer, nullable=False),
    Column("retry_at", Moment),
    Column("fired_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("reply_id", Id),  # the reply that says what came of it
    Column("told", String),  # told, held, silent, withheld, nothing
    Column("fingerprint", String),  # of the words, by which they are not said twice
    UniqueConstraint("schedule_id", "due_at"),
)
CHECKING = runs.c.state == literal_column("'checking'")
RETRYING = runs.c.state == literal_column("'retrying'")
RUN_OPEN = runs.c.state.in_([literal_column(f"'{state}'") for state in ("checking", "waiting", "running", "retrying")])
Index("runs_checking", runs.c.id, sqlite_where=CHECKING, postgresql_where=CHECKING)
Index("runs_retrying", runs.c.retry_at, sqlite_where=RETRYING, postgresql_where=RETRYING)
Index("runs_open", runs.c.schedule_id, sqlite_where=RUN_OPEN, postgresql_where=RUN_OPEN)
Index("runs_fired", runs.c.fired_at)

held = Table(
    "held",  # unasked words that wait for the end of somebody's quiet hours
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("person_id", ForeignKey("people.id")),
    Column("until", Moment, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("origin", String),  # who may have written it, where the chat's butler is to know of it
    Column("run_id", Id),  # whose answer it is
    Column("at", Moment, nullable=False),
    Column("enclosure", JSON(none_as_null=True)),  # the file that it is
    Column("made_by", String),  # the key of the call that wrote it
)
Index("held_until", held.c.until)

beats = Table(
    "beats",  # what the last look after each butler found
    metadata,
    Column("butler", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("findings", JSON, nullable=False),
    PrimaryKeyConstraint("butler"),
)
