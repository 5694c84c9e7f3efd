"""The vendor's rules of thinking: which settings a model takes, and which thinking blocks it takes back."""

from __future__ import annotations

import binascii
import hmac
import json
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from tests.anthropic_models import MODELS, Model, invalid
from tests.anthropic_shapes import AnyChoice, CreateMessage, Enabled, ToolChoice

if TYPE_CHECKING:
    from tests.anthropic_prompt import Prompt
    from tests.anthropic_shapes import CountTokens

_SEAL = b"the double of the Messages API"
_MAC_BYTES = 16

_USE_ADAPTIVE = '"thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'

_OTHER_CONVERSATION = (
    "{path}: Invalid `signature` in `thinking` block. The block is bound to a different conversation. Remove the "
    'block, or set `thinking.block_binding.prefix_mismatch_behavior` to "drop_block".'
)


@dataclass(frozen=True)
class Seal:
    """What the signature of a thinking block binds it to."""

    model: str
    key: str
    prefix: str
    text: str
    tokens: int

    def sign(self) -> str:
        """Return the signature that the vendor sends with the block."""
        known = json.dumps(asdict(self)).encode()
        return b64encode(_mac(known) + known).decode()


def digest_of(text: str) -> str:
    """Return what a seal keeps of the thinking's text."""
    return sha256(text.encode()).hexdigest()


def read_seal(signature: str) -> Seal | None:
    """Return what a signature binds to, or None if the double never gave it."""
    try:
        raw = b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return None
    known = raw[_MAC_BYTES:]
    return Seal(**json.loads(known)) if hmac.compare_digest(raw[:_MAC_BYTES], _mac(known)) else None


def _mac(known: bytes) -> bytes:
    return hmac.digest(_SEAL, known, "sha256")[:_MAC_BYTES]


def thinking_type(request: CountTokens, model: Model) -> str:
    """Return the kind of thinking with which a request runs."""
    if request.thinking is not None:
        return request.thinking.type
    return "adaptive" if model.thinks_unasked else "disabled"


def shows_thinking(request: CountTokens, model: Model) -> bool:
    """Return whether the text of the thinking comes back, or its signature alone."""
    display = getattr(request.thinking, "display", None)
    if thinking_type(request, model) == "between_tools":
        return True
    return display == "summarized" if display else not model.thinks_unasked


def check_thinking(request: CountTokens, model: Model) -> None:
    """Refuse settings of thinking, effort and forced tools that the model does not take together."""
    effort = request.output_config.effort if request.output_config else None
    if effort is not None and model.default_effort is None:
        raise invalid("output_config.effort: This model does not support the effort parameter.")
    forced = isinstance(request.tool_choice, AnyChoice | ToolChoice)
    if forced and not model.forces_tools:
        raise invalid('tool_choice: type "tool" and "any" are not supported for this model.')
    kind = request.thinking.type if request.thinking else None
    if kind is None:
        return
    if kind not in model.thinking:
        raise invalid(_unsupported(kind, model))
    if kind in {"disabled", "between_tools"} and effort in {"xhigh", "max"}:
        raise invalid(
            f"output_config.effort '{effort}' is not supported when thinking is disabled on this model. "
            "Use effort 'high' or below, or enable thinking."
        )
    if kind in {"adaptive", "enabled"} and forced:
        raise invalid("Thinking may not be enabled when tool_choice forces tool use.")
    _check_budget(request)


def _check_budget(request: CountTokens) -> None:
    if isinstance(request, CreateMessage) and isinstance(request.thinking, Enabled):
        if request.max_tokens <= request.thinking.budget_tokens:
            raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
        _check_loop(request)


def _check_loop(request: CreateMessage) -> None:
    # With a budget, the turn that called the tools now answered must begin with its thinking.
    if len(request.messages) > 1 and request.messages[-1].content[0].type == "tool_result":
        number = len(request.messages) - 2
        found = request.messages[number].content[0].type
        if found != "thinking":
            raise invalid(
                f"messages.{number}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{found}`. "
                "When `thinking` is enabled, a final `assistant` message must start with a thinking block."
            )


def _unsupported(kind: str, model: Model) -> str:
    refusal = f'"thinking.type.{kind}" is not supported for this model.'
    if kind == "disabled" and "between_tools" in model.thinking:
        return f'{refusal} Use "thinking.type.between_tools" for the lowest thinking setting, or {_USE_ADAPTIVE}'
    if kind in {"disabled", "enabled"}:
        return f"{refusal} Use {_USE_ADAPTIVE}"
    return "adaptive thinking is not supported on this model" if kind == "adaptive" else refusal


def check_blocks(prompt: Prompt, model: Model, key: str, *, drop: bool) -> None:
    """Refuse thinking blocks that are not as the vendor gave them, and price the rest; a dropped block is free."""
    dropping = False
    for number, piece in enumerate(prompt.pieces):
        if piece.kind != "thinking":
            continue
        seal = read_seal(piece.block["signature"])
        if seal is None or seal.text != digest_of(piece.block["thinking"]):
            raise invalid(f"{piece.path}: Invalid `signature` in `thinking` block")
        if seal.key != key or seal.model not in model.reads | {model.id}:
            continue  # the vendor silently drops what the account or the model cannot read
        if model.binds_thinking and MODELS[seal.model].binds_thinking:
            if seal.prefix != prompt.pieces[number - 1].digest.hex() and not drop:
                raise invalid(_OTHER_CONVERSATION.format(path=piece.path))
            dropping = dropping or seal.prefix != prompt.pieces[number - 1].digest.hex()
        if not dropping:
            piece.tokens += seal.tokens
