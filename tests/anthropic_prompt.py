"""A request laid out in the order in which the vendor reads it, with a running digest and the tokens of every block."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from tests.anthropic_blocks import as_blocks
from tests.anthropic_pictures import cost_of
from tests.measure import compact, tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anthropic_models import Model

# What a piece costs on top of its text.
MESSAGE_TOKENS = 4
TOOL_TOKENS = 8
CALL_TOKENS = 4
IMAGE_TOKENS = 1600
PDF_TOKENS = 3000

_DIGEST_BYTES = 16


@dataclass(slots=True)
class Piece:
    """One block of the prompt: a tool, a system text or a message's block."""

    section: str
    path: str
    block: dict[str, Any]
    digest: bytes
    tokens: int

    @property
    def kind(self) -> str:
        """The type of the block."""
        return str(self.block.get("type") or "custom")

    @property
    def ttl(self) -> str | None:
        """The life of the cache entry that a breakpoint on the block asks for."""
        control = self.block.get("cache_control")
        return None if control is None else str(control.get("ttl", "5m"))


class Prompt:
    """The pieces of a request and what they cost."""

    def __init__(self, body: dict[str, Any], model: Model) -> None:
        self.pieces: list[Piece] = []
        self.salt = _salt(body, model)
        digest = b""
        for section, path, turn, block, tokens in _walk(body):
            digest = _chain(digest, section, turn, block)
            self.pieces.append(Piece(section, path, block, digest, tokens))

    @property
    def digest(self) -> bytes:
        """The digest of everything, which is the prefix of the answer."""
        return self.pieces[-1].digest

    @property
    def tokens(self) -> int:
        """What the whole prompt costs."""
        return sum(piece.tokens for piece in self.pieces)

    def totals(self) -> list[int]:
        """Return what the prompt costs up to each piece and with it."""
        return list(accumulate(piece.tokens for piece in self.pieces))


def _walk(body: dict[str, Any]) -> Iterator[tuple[str, str, str, dict[str, Any], int]]:
    for number, tool in enumerate(body.get("tools", [])):
        yield "tools", f"tools.{number}", "", tool, _tool_tokens(tool)
    for number, block in enumerate(_blocks(body.get("system", []))):
        yield "system", f"system.{number}", "", block, tokens_of(block["text"])
    role = ""
    for number, message in enumerate(body["messages"]):
        # Messages of the same role that follow each other are one turn, however they are cut.
        turn, role = (message["role"] if message["role"] != role else ""), message["role"]
        extra = MESSAGE_TOKENS
        for position, block in enumerate(_blocks(message["content"])):
            yield "messages", f"messages.{number}.content.{position}", turn, block, _block_tokens(block) + extra
            turn, extra = "", 0


def _blocks(content: object) -> list[dict[str, Any]]:
    blocks = as_blocks(content)
    return blocks if isinstance(blocks, list) else []


def _tool_tokens(tool: dict[str, Any]) -> int:
    return TOOL_TOKENS + sum(
        tokens_of(text) for text in (tool["name"], tool.get("description", ""), compact(tool["input_schema"]))
    )


def _block_tokens(block: dict[str, Any]) -> int:  # noqa: PLR0911 - one return for each kind
    match block["type"]:
        case "text":
            return tokens_of(block["text"])
        case "tool_use":
            return CALL_TOKENS + tokens_of(block["name"]) + tokens_of(compact(block["input"]))
        case "tool_result":
            return CALL_TOKENS + sum(_block_tokens(inner) for inner in _blocks(block.get("content") or []))
        case "image" | "document" if block["source"]["type"] == "base64":
            return cost_of(block)
        case "image":
            return IMAGE_TOKENS
        case "document":
            source = block["source"]
            return tokens_of(source["data"]) if source["type"] == "text" else PDF_TOKENS
        case _:
            return 0  # thinking: its signature says what it costs


def _chain(before: bytes, section: str, turn: str, block: dict[str, Any]) -> bytes:
    known = {name: block[name] for name in sorted(block) if name != "cache_control" and block[name] not in (None, False)}
    if known.get("type") == "tool_result":
        known["content"] = _blocks(known.get("content") or [])
    known.pop("caller", None)
    state = blake2b(before, digest_size=_DIGEST_BYTES)
    state.update(f"{section}\0{turn}\0{compact(known)}".encode())
    return state.digest()


def _salt(body: dict[str, Any], model: Model) -> bytes:
    # A change of these leaves what is cached of tools and system, but not what is cached of the messages.
    thinking = (body.get("thinking") or {}).get("type") or ("adaptive" if model.thinks_unasked else "disabled")
    effort = (body.get("output_config") or {}).get("effort") or model.default_effort
    choice = body.get("tool_choice") or {"type": "auto"}
    return compact([thinking, effort, choice]).encode()
