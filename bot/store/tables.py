"""The tables of the house's database: the path of a message, whole.

The predicates in capitals are those of partial indexes: written with literals, since SQLite uses such an index only for a
query that says the same in the same words.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    literal_column,
)

from bot.store.database import Moment

metadata = MetaData()

# SQLite gives ids only to INTEGER columns; PostgreSQL's would overflow without BIGINT.
Id = BigInteger().with_variant(Integer, "sqlite")

people = Table(
    "people",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String, nullable=False),  # owner, member, guest, removed
    Column("zone", String),  # an IANA name; none: the house's
    Column("language", String),
    Column("quiet", String),  # 22:00-07:00, in the person's zone
    Column("mode", String),  # steer, queue, interrupt
    Column("verbose", Boolean, nullable=False, server_default=false()),  # answers say which tools were used
    Column("allowance", Integer),  # how often a day butlers may write of their own accord; none: as the house has it
    Column("owner_by", String),  # what made an owner one: settings, person
    Column("created_at", Moment, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    Column("channel", String, nullable=False),
    Column("external_id", String, nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("source", String, nullable=False, server_default="list"),  # list, paired, linked
    Column("home", String),  # the private chat with this person there
    Column("short", String),  # another form of the id, by which settings may name it
    Column("joined", Boolean, nullable=False, server_default=false()),  # to a person who was known by another before
    PrimaryKeyConstraint("channel", "external_id"),
)
Index("identities_person", identities.c.person_id)

questions = Table(
    "questions",  # what is answered by a button, once
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String, nullable=False),  # pairing, linking, removal, raise, schedule
    Column("about", JSON, nullable=False),
    Column("options", JSON, nullable=False),  # labels of the buttons, in their order
    Column("person_id", ForeignKey("people.id")),  # who may answer; none: any owner
    Column("made_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("answer", Integer),  # the position of the option that was taken
    Column("answered_by", ForeignKey("people.id")),
    Column("answered_at", Moment),
)

OFFER = questions.c.kind == "schedule"  # it asks nothing: its buttons only spare somebody the typing
UNANSWERED = questions.c.answered_at.is_(None)
Index("questions_unanswered", questions.c.expires_at, sqlite_where=UNANSWERED, postgresql_where=UNANSWERED)

conversations = Table(
    "conversations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", String, nullable=False),
    Column("chat", String, nullable=False),
    Column("thread", String, nullable=False),
    Column("private", Boolean, nullable=False),
    Column("butler", String),  # the one that has it; none: the default
    Column("pinned", Boolean, nullable=False, server_default=false()),  # somebody chose that butler, so that it stays
    Column("begun_from", Id, nullable=False, server_default="0"),  # what is talked about now begins after this entry
    Column("summary_id", Id),  # what stands in the prompt for its older part
    Column("prompt_from", Id, nullable=False, default=0),  # the prompt holds what the transcript holds after this id
    Column("thoughts_from", Id, nullable=False, default=0),  # earlier thoughts are no longer given back to the model
    Column("claim", String),
    Column("worker", String),
    Column("wake_at", Moment),
    Column("rung_at", Moment),
    UniqueConstraint("channel", "chat", "thread"),
)
CLAIMED = conversations.c.claim.is_not(None)
Index("conversations_claimed", conversations.c.worker, sqlite_where=CLAIMED, postgresql_where=CLAIMED)

inbox = Table(
    "inbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("channel", String, nullable=False),
    Column("external_id", String, nullable=False),
    Column("native_id", String, nullable=False),  # the vendor's id of the message; an edit has that of its original
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("butler", String),  # whom it is for; ?: a worker is to find out; none: whoever has the conversation
    Column("text", Text, nullable=False),
    Column("origin", String, nullable=False),
    Column("sent_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("state", String, nullable=False),  # waiting, taken, answered, parked, merged
    Column("turn_id", ForeignKey("turns.id")),  # of one that waits: the interrupted turn that has read it
    Column("reply_id", ForeignKey("outbox.id")),
    Column("kills", Integer, nullable=False, default=0),  # how many workers died over it
    Column("run_id", Id),  # the run of a schedule that it asks for
    Column("ask_id", Id),  # the question of a butler that it is, or answers
    Column("number", BigInteger),  # the vendor's, which grows in a chat; of a part of a paste
    Column("units", Integer),  # its length, as its vendor counts
    Column("paste_id", Id),  # the row of the first part, of one long text that the client has split
    Column("held_until", Moment),  # until then a further part may come
    UniqueConstraint("channel", "external_id"),
)
PASTED = inbox.c.paste_id.is_not(None)
WAITING = inbox.c.state == literal_column("'waiting'")
PARKED = inbox.c.state == literal_column("'parked'")
Index("inbox_waiting", inbox.c.conversation_id, sqlite_where=WAITING, postgresql_where=WAITING)
Index("inbox_parked", inbox.c.id, sqlite_where=PARKED, postgresql_where=PARKED)
Index("inbox_turn", inbox.c.turn_id)
Index("inbox_pasted", inbox.c.conversation_id, inbox.c.number, sqlite_where=PASTED, postgresql_where=PASTED)
Index("inbox_native", inbox.c.conversation_id, inbox.c.native_id)

turns = Table(
    "turns",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("butler", String, nullable=False),
    Column("trigger", String, nullable=False),  # message, schedule:NAME, reminder:…
    Column("root_id", Id),  # the turn that started this one, and from whose budget it spends; none: itself
    Column("job", String),  # the schedule that it is run for
    Column("run_id", Id),  # and the run
    Column("follows", Id),  # the turn that was interrupted for it, with whose messages it begins
    Column("model", String, nullable=False),  # that answered last; before that, the tier
    Column("state", String, nullable=False),  # running, waiting, answered, failed, stopped, interrupted, parked, split
    Column("steps", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),  # requests that failed in a row
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("error", Text),
)
OPEN = turns.c.state.in_([literal_column("'running'"), literal_column("'waiting'")])
Index("turns_open", turns.c.conversation_id, sqlite_where=OPEN, postgresql_where=OPEN)
Index("turns_person", turns.c.person_id)
Index("turns_run", turns.c.run_id, sqlite_where=turns.c.run_id.is_not(None), postgresql_where=turns.c.run_id.is_not(None))
Index("turns_conversation", turns.c.conversation_id, turns.c.id)

transcript = Table(
    "transcript",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("turn_id", ForeignKey("turns.id"), nullable=False),
    Column("role", String, nullable=False),  # user, butler
    Column("content", JSON, nullable=False),
    Column("origin", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("withdrawn", Boolean, nullable=False, default=False),  # kept, but no longer shown to a model
)
Index("transcript_conversation", transcript.c.conversation_id, transcript.c.id)
Index("transcript_turn", transcript.c.turn_id)
STRANGE = transcript.c.origin == literal_column("'stranger'")
Index("transcript_strange", transcript.c.conversation_id, transcript.c.id, sqlite_where=STRANGE, postgresql_where=STRANGE)

calls = Table(
    "calls",
    metadata,
    Column("key", String, primary_key=True),
    Column("turn_id", ForeignKey("turns.id"), nullable=False),
    Column("call_id", String, nullable=False),
    Column("tool", String, nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("effect", String, nullable=False),
    Column("doing", String),  # what it does, in words of people
    Column("state", String, nullable=False),  # begun, done, unknown
    Column("result", Text),
    Column("is_error", Boolean, nullable=False, default=False),
    Column("stranger", Boolean, nullable=False, default=False),  # the result holds what a stranger may have written
    Column("begun_at", Moment, nullable=False),
    Column("ended_at", Moment),
)
Index("calls_turn", calls.c.turn_id)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("turn_id", ForeignKey("turns.id")),
    Column("kind", String, nullable=False),  # answer, failure, command, notice
    Column("text", Text, nullable=False),
    Column("reply_to", String),  # the vendor's id of the message that it answers
    Column("state", String, nullable=False),  # pending, sent, gone, withdrawn
    Column("created_at", Moment, nullable=False),
    Column("next_try_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("error", Text),
    Column("question_id", ForeignKey("questions.id")),  # its buttons show under the reply until it is answered
    Column("replaces", String),  # the message that was sent and now reads otherwise
    Column("aside", String),  # the origin of words that no turn here said, until the conversation's butler has read them
    Column("enclosure", JSON(none_as_null=True)),  # a chart that is shown below the words, or a file instead of them
    Column("made_by", String),  # the key of the call that wrote it, which writes it once
)
PENDING = outbox.c.state == literal_column("'pending'")
GONE = outbox.c.state == literal_column("'gone'")
Index("outbox_pending", outbox.c.conversation_id, sqlite_where=PENDING, postgresql_where=PENDING)
Index("outbox_gone", outbox.c.id, sqlite_where=GONE, postgresql_where=GONE)
Index(
    "outbox_aside",
    outbox.c.conversation_id,
    sqlite_where=outbox.c.aside.is_not(None),
    postgresql_where=outbox.c.aside.is_not(None),
)
Index(
    "outbox_question",
    outbox.c.question_id,
    sqlite_where=outbox.c.question_id.is_not(None),
    postgresql_where=outbox.c.question_id.is_not(None),
)
MADE_BY_A_CALL = outbox.c.made_by.is_not(None)
Index("outbox_made_by", outbox.c.made_by, unique=True, sqlite_where=MADE_BY_A_CALL, postgresql_where=MADE_BY_A_CALL)
Index("outbox_sent_in", outbox.c.turn_id, sqlite_where=MADE_BY_A_CALL, postgresql_where=MADE_BY_A_CALL)

parts = Table(
    "parts",
    metadata,
    Column("reply_id", ForeignKey("outbox.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("state", String, nullable=False),  # pending, sending, sent
    Column("native_id", String),
    Column("doubts", Integer, nullable=False, default=0),  # how often it was sent again although it may have arrived
    Column("enclosed", Boolean, nullable=False, server_default=false()),  # a picture or a file, which is shown once
    Column("sent_at", Moment),
    PrimaryKeyConstraint("reply_id", "position"),
)
SENDING = parts.c.state == literal_column("'sending'")
Index("parts_sending", parts.c.reply_id, sqlite_where=SENDING, postgresql_where=SENDING)

previews = Table(
    "previews",  # messages that show an answer while it is being written, and become it
    metadata,
    Column("turn_id", ForeignKey("turns.id"), primary_key=True),
    Column("native_id", String, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("id", String, primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("home", String),  # in which BUTLER_HOME, on which machine, it lives
    Column("started_at", Moment, nullable=False),
    Column("beat_at", Moment, nullable=False),
)

notices = Table(
    "notices",  # what owners were told, so that they hear it once a day
    metadata,
    Column("key", String, nullable=False),
    Column("day", String, nullable=False),
    PrimaryKeyConstraint("key", "day"),
)

parked_updates = Table(
    "parked_updates",  # what a vendor sent and nobody could read
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", String, nullable=False),
    Column("payload", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
