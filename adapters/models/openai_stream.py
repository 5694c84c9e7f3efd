"""The chunks of a streamed chat completion, put together to an answer."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from adapters.models.openai_chunks import CallPiece, Chunk, Delta
from bot.ports import Answer, Call, Ending, Prompt, Text, Usage

# Not every server keeps to the ids and names that the next request, perhaps to another provider, may carry.
_ID = re.compile(r"[a-zA-Z0-9_-]{1,40}")
_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]+")
_LONGEST_NAME = 64
_SURROGATE = re.compile("[\ud800-\udfff]")
# An argument that no tool has: the check of arguments names it to the model, which then sees what it wrote.
UNREADABLE = "these arguments are no JSON object"
_ENDINGS = {
    "stop": Ending.DONE,
    "tool_calls": Ending.CALLS,
    "function_call": Ending.CALLS,
    "length": Ending.LENGTH,
    "content_filter": Ending.REFUSAL,
}
# OpenRouter's and vLLM's words for an answer that did not come to its end. Others have more words for that it did.
_BROKEN = frozenset({"", "error", "network_error", "abort"})


@dataclass
class _Draft:
    """A tool call that is still being written."""

    index: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass
class Assembly:
    """What has come of an answer; `complete` once the model said why it stopped."""

    text: str = ""
    refusal: str = ""
    finish: str = ""
    usage: Usage | None = None
    _calls: list[_Draft] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether the answer came to its end, so that what follows can no longer change it."""
        return self.finish not in _BROKEN

    def take(self, chunk: Chunk) -> bool:
        """Add a chunk; tell whether the text grew."""
        before = len(self.text)
        for choice in (chunk.choices or ())[:1]:
            if choice.delta is not None:
                self._add(choice.delta)
            self.finish = choice.finish_reason or self.finish
        if self.complete:  # some servers count on the way, too, where it is not yet what the answer costs
            self.usage = _usage(chunk) or self.usage
        return len(self.text) > before

    def answer(self, prompt: Prompt, organisation: str | None) -> Answer:
        """Return the answer, its calls with ids that no call of the prompt has."""
        content: list[Text | Call] = []
        # What a model says in refusing stands in for its words: the house's own sentence for a refusal replaces both.
        words = self.shown or _mended(self.refusal)
        if words:
            content.append(Text(text=words))
        taken = {block.id for message in prompt.messages for block in message.content if isinstance(block, Call)}
        for draft in self._calls:
            call_id = draft.id if _ID.fullmatch(draft.id) and draft.id not in taken else f"call_{uuid4().hex[:24]}"
            taken.add(call_id)
            name = _NO_NAME.sub("_", draft.name)[:_LONGEST_NAME] or "unnamed"
            content.append(Call(id=call_id, name=name, arguments=_arguments(draft.arguments)))
        return Answer(
            content=tuple(content),
            usage=self.usage or Usage(),
            ending=self._ending(),
            organisation=organisation,
            usage_reported=self.usage is not None,
        )

    @property
    def shown(self) -> str:
        """The text so far, as it can be shown."""
        return _mended(self.text)

    def _ending(self) -> Ending:
        ending = _ENDINGS.get(self.finish, Ending.DONE)
        if self.refusal and ending is not Ending.CALLS:
            return Ending.REFUSAL
        if ending in (Ending.DONE, Ending.CALLS):  # some servers say “stop” after calls
            return Ending.CALLS if self._calls else Ending.DONE
        return ending

    def _add(self, delta: Delta) -> None:
        self.text += delta.content
        self.refusal += delta.refusal
        for piece in delta.tool_calls or ():
            self._add_call(piece)
        if delta.function_call is not None:  # the old form, of which there is one at most
            self._add_call(CallPiece(index=0, function=delta.function_call))

    def _add_call(self, piece: CallPiece) -> None:
        function = piece.function
        draft = self._draft(piece.index, piece.id, function.name if function else "")
        draft.id = draft.id or piece.id
        if function is not None:
            draft.name = draft.name or function.name
            draft.arguments += function.arguments

    def _draft(self, index: int | None, call_id: str, name: str) -> _Draft:
        """Return the call that a piece belongs to: the one of its index, unless it can only be the first of another one."""
        found = next((draft for draft in reversed(self._calls) if draft.index == index), None)
        # Some servers number all calls alike, or not at all; an id or a name then says where one begins.
        begins = bool(call_id and found and found.id and call_id != found.id) or (index is None and bool(name))
        if found is None or begins:
            found = _Draft(index)
            self._calls.append(found)
        return found


def _arguments(text: str) -> dict[str, Any]:
    text = _mended(text)
    try:
        arguments = json.loads(text, parse_constant=_no_number) if text.strip() else {}
        json.dumps(arguments, ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # a ValueError, too, where half a character is spelled with escapes
        return {UNREADABLE: text}
    return arguments if isinstance(arguments, dict) else {UNREADABLE: text}


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _mended(text: str) -> str:
    """Return a text with the halves of characters joined that a server sent in two chunks; half a one alone is lost."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _usage(chunk: Chunk) -> Usage | None:
    """Read what a chunk reports; the tokens of a model's reasoning are among those of its output."""
    said = _fields(chunk.usage) or _fields(_fields(chunk.x_groq).get("usage"))
    read, written = _tokens(said, "prompt_tokens"), _tokens(said, "completion_tokens")
    if not read:
        return None  # no prompt is empty: nothing was counted
    cached = _tokens(_fields(said.get("prompt_tokens_details")), "cached_tokens") or _tokens(said, "prompt_cache_hit_tokens")
    kept = _tokens(_fields(said.get("prompt_tokens_details")), "cache_write_tokens")
    cached, kept = min(cached, read), min(kept, max(read - cached, 0))
    return Usage(input=read - cached - kept, output=written, cache_read=cached, cache_write=kept)


def _tokens(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    return max(0, value) if isinstance(value, int) else 0


def _fields(value: object) -> Mapping[str, Any]:
    """Return a JSON object, or nothing for whatever else a server sends in its place."""
    return value if isinstance(value, Mapping) else {}
