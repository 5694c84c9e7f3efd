"""The transcript: whatever a crash leaves behind, the prompt that is made of it is one that a provider takes."""

from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Origin
from bot.ports import Block, Call, PromptMessage, Result, Text, Thought
from bot.store.database import Database
from bot.transcript import LOST, Entry, append, begin_anew, open_calls, prompt_messages, stranger_was_read
from tests.spenders import NOW

texts = st.builds(Text, text=st.sampled_from(["hello", "", "  ", "world"]))
calls = st.builds(Call, id=st.sampled_from("abcdef"), name=st.just("state_get"), arguments=st.just({"key": "x"}))
results = st.builds(Result, call_id=st.sampled_from("abcdef"), text=st.just("done"))
thoughts = st.builds(Thought, model=st.just("m"), block=st.just({"type": "thinking"}))


def unique(blocks: list[Block]) -> tuple[Block, ...]:
    """Leave out calls whose id came before, as no model makes two with the same."""
    seen: set[str] = set()
    kept: list[Block] = []
    for block in blocks:
        if isinstance(block, Call):
            if block.id in seen:
                continue
            seen.add(block.id)
        kept.append(block)
    return tuple(kept)


def entry(role: str, *blocks: Block) -> Entry:
    """Make an entry."""
    return Entry(1, 1, role, blocks, Origin.PERSON)  # type: ignore[arg-type]


entries = st.lists(
    st.one_of(
        st.builds(lambda blocks: entry("user", *blocks), st.lists(st.one_of(texts, results), max_size=4)),
        st.builds(lambda blocks: entry("butler", *unique(blocks)), st.lists(st.one_of(texts, calls, thoughts), max_size=4)),
    ),
    max_size=12,
)


@given(entries)
def test_every_transcript_makes_a_valid_prompt(found: list[Entry]) -> None:
    """Sides alternate beginning with the person, no message is empty, and each call is answered right after it, once."""
    messages = prompt_messages(found)
    assert [message.role for message in messages] == ["user" if n % 2 == 0 else "butler" for n in range(len(messages))]
    waiting: list[str] = []
    for message in messages:
        assert message.content
        assert all(block.text.strip() for block in message.content if isinstance(block, Text))
        answered = [block.call_id for block in message.content if isinstance(block, Result)]
        assert answered == (waiting if message.role == "user" else [])
        first = message.content[: len(answered)]
        assert all(isinstance(block, Result) for block in first)
        waiting = [block.id for block in message.content if isinstance(block, Call)]


def test_a_lost_result_is_said() -> None:
    """A call whose result was never kept gets one that says so, before whatever was written next."""
    call = Call(id="a", name="send", arguments={})
    made = prompt_messages([entry("user", Text(text="go")), entry("butler", call), entry("user", Text(text="and?"))])
    lost = Result(call_id="a", text=LOST, is_error=True)
    assert made[-1] == PromptMessage(role="user", content=(lost, Text(text="and?")))


def test_open_calls_are_those_of_the_last_entry(database: Database) -> None:
    """Only what nothing follows is open."""
    call = Call(id="a", name="send", arguments={"to": "Ann’s"})
    asked = (Text(text="one moment"), call)
    with database.write() as tx:
        assert open_calls(tx, 1) is None
        append(tx, 1, 1, "butler", asked, Origin.BUTLER, NOW)
        assert open_calls(tx, 1) == (Entry(1, 1, "butler", asked, Origin.BUTLER), (call,))
        append(tx, 1, 1, "user", (Result(call_id="a", text="sent"),), Origin.TOOL, NOW)
        assert open_calls(tx, 1) is None


def test_what_a_stranger_wrote_is_known_as_long_as_it_is_read(database: Database) -> None:
    """A forwarded text taints the conversation until it begins anew."""
    with database.write() as tx:
        append(tx, 1, 1, "user", (Text(text="mine"),), Origin.PERSON, NOW)
        assert not stranger_was_read(tx, 1)
        append(tx, 1, 1, "user", (Text(text="theirs"),), Origin.STRANGER, NOW)
        assert stranger_was_read(tx, 1)
        begin_anew(tx, 1)
        assert not stranger_was_read(tx, 1)
