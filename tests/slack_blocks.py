"""The blocks of a message: which ones the vendor refuses, and what a person sees of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import unescape
from typing import Any, NamedTuple

from tests.slack_params import JsonObject, SlackError

MOST_BLOCKS = 50
MOST_ACTIONS = 25
MOST_CONTEXT = 10
MOST_FIELDS = 10
LONGEST_SECTION = 3_000
LONGEST_FIELD = 2_000
LONGEST_HEADER = 150
LONGEST_MARKDOWN = 12_000
LONGEST_LABEL = 75
LONGEST_VALUE = 2_000
LONGEST_ID = 255
STYLES = ("primary", "danger")


class Button(NamedTuple):
    """One button under a message."""

    label: str
    value: str
    action_id: str
    block_id: str
    style: str


def escaped(text: str) -> str:
    """Return a text as Slack sends what a person has typed."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def rich_text(text: str) -> list[JsonObject]:
    """Return the one block that Slack makes of what a person has typed, from its escaped text."""
    elements: list[JsonObject] = []
    rest = text
    while rest:
        before, opening, after = rest.partition("<@")
        user, closing, after = after.partition(">")
        if before:
            elements.append({"type": "text", "text": unescape(before)})
        if opening and closing:
            elements.append({"type": "user", "user_id": user})
        rest = after
    section = {"type": "rich_text_section", "elements": elements}
    return [{"type": "rich_text", "block_id": "b0", "elements": [section]}]


def check_blocks(blocks: list[Any]) -> None:
    """Refuse blocks that the vendor would refuse."""
    if len(blocks) > MOST_BLOCKS:
        raise _wrong("/blocks", f"no more than {MOST_BLOCKS} items allowed")
    for place, block in enumerate(blocks):
        where = f"/blocks/{place}"
        if not isinstance(block, dict):
            raise _wrong(where, "must be an object")
        check = _CHECKS.get(block.get("type"))
        if check is None:
            raise _wrong(f"{where}/type", f"unsupported type: {block.get('type')}")
        _check_text(block.get("block_id", "b"), where + "/block_id", LONGEST_ID)
        check(block, where)
    if sum(len(block.get("text", "")) for block in blocks if block["type"] == "markdown") > LONGEST_MARKDOWN:
        raise SlackError("msg_blocks_too_long")
    _check_unique(blocks)


def text_of(blocks: list[JsonObject]) -> str:
    """Return what a person reads in the blocks, one line for each of them."""
    return "\n".join(line for line in map(_line, blocks) if line)


def buttons_of(blocks: list[JsonObject]) -> tuple[Button, ...]:
    """Return the buttons of the blocks, in their order."""
    return tuple(
        Button(
            element["text"]["text"],
            element.get("value", ""),
            element.get("action_id", f"{place}-{number}"),
            block.get("block_id", f"b{place}"),
            element.get("style", ""),
        )
        for place, block in enumerate(blocks)
        for number, element in enumerate(_elements(block))
        if element.get("type") == "button"
    )


def has_markdown(blocks: list[Any]) -> bool:
    """Tell whether there is a Markdown block."""
    return any(isinstance(block, dict) and block.get("type") == "markdown" for block in blocks)


def _elements(block: JsonObject) -> Iterator[JsonObject]:
    if block["type"] == "actions":
        yield from block["elements"]
    if block["type"] == "section" and "accessory" in block:
        yield block["accessory"]


def _line(block: JsonObject) -> str:
    kind = block["type"]
    if kind == "markdown":
        return str(block["text"])
    if kind in {"section", "header"}:
        parts = [block["text"]] if "text" in block else []
        return "\n".join(part["text"] for part in [*parts, *block.get("fields", [])])
    if kind == "context":
        return " ".join(element["text"] for element in block["elements"] if "text" in element)
    return _plain(block) if kind == "rich_text" else ""


def _plain(part: JsonObject) -> str:
    if "elements" in part:
        return "".join(_plain(element) for element in part["elements"])
    return str(part.get("text") or part.get("url") or part.get("user_id") or part.get("name") or "")


def _wrong(pointer: str, reason: str) -> SlackError:
    messages = [f"[ERROR] {reason} [json-pointer:{pointer}]"]
    return SlackError("invalid_blocks", errors=messages, response_metadata={"messages": messages})


def _check_text(text: object, where: str, longest: int) -> None:
    if not isinstance(text, str) or not text:
        raise _wrong(where, "must be a string with at least 1 character")
    if len(text) > longest:
        raise _wrong(where, f"must be less than {longest + 1} characters")


def _check_object(text: object, where: str, longest: int, kinds: tuple[str, ...]) -> None:
    if not isinstance(text, dict) or text.get("type") not in kinds:
        raise _wrong(where, f"must be a text object of {' or '.join(kinds)}")
    _check_text(text.get("text"), where + "/text", longest)


def _check_list(items: object, where: str, most: int) -> list[JsonObject]:
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise _wrong(where, "must be an array with at least 1 object")
    if len(items) > most:
        raise _wrong(where, f"no more than {most} items allowed")
    return items


def _check_section(block: JsonObject, where: str) -> None:
    if "text" not in block and "fields" not in block:
        raise _wrong(where, "must have text or fields")
    if "text" in block:
        _check_object(block["text"], where + "/text", LONGEST_SECTION, ("mrkdwn", "plain_text"))
    if "fields" in block:
        for field in _check_list(block["fields"], where + "/fields", MOST_FIELDS):
            _check_object(field, where + "/fields", LONGEST_FIELD, ("mrkdwn", "plain_text"))
    if "accessory" in block:
        _check_button(block["accessory"], where + "/accessory")


def _check_header(block: JsonObject, where: str) -> None:
    _check_object(block.get("text"), where + "/text", LONGEST_HEADER, ("plain_text",))


def _check_markdown(block: JsonObject, where: str) -> None:
    if not isinstance(block.get("text"), str) or not block["text"]:
        raise _wrong(where + "/text", "must be a string with at least 1 character")


def _check_context(block: JsonObject, where: str) -> None:
    for element in _check_list(block.get("elements"), where + "/elements", MOST_CONTEXT):
        if element.get("type") != "image":
            _check_object(element, where + "/elements", LONGEST_SECTION, ("mrkdwn", "plain_text"))


def _check_actions(block: JsonObject, where: str) -> None:
    for element in _check_list(block.get("elements"), where + "/elements", MOST_ACTIONS):
        _check_button(element, where + "/elements")


def _check_button(element: object, where: str) -> None:
    if not isinstance(element, dict) or element.get("type") != "button":
        raise _wrong(where, "the double knows no element but a button")
    _check_object(element.get("text"), where + "/text", LONGEST_LABEL, ("plain_text",))
    if "value" in element:
        _check_text(element["value"], where + "/value", LONGEST_VALUE)
    if "action_id" in element:
        _check_text(element["action_id"], where + "/action_id", LONGEST_ID)
    if "style" in element and element["style"] not in STYLES:
        raise _wrong(where + "/style", "must be primary or danger")


def _check_rich_text(block: JsonObject, where: str) -> None:
    _check_list(block.get("elements"), where + "/elements", MOST_BLOCKS)


def _check_divider(_: JsonObject, __: str) -> None:
    """Nothing can be wrong with a line."""


def _check_unique(blocks: list[JsonObject]) -> None:
    named = [block["block_id"] for block in blocks if "block_id" in block]
    if len(set(named)) < len(named):
        raise _wrong("/blocks", "block_id must be unique")
    for place, block in enumerate(blocks):
        taken = [element["action_id"] for element in _elements(block) if "action_id" in element]
        if len(set(taken)) < len(taken):
            raise _wrong(f"/blocks/{place}", "action_id must be unique")


_CHECKS: dict[object, Callable[[JsonObject, str], None]] = {
    "section": _check_section,
    "header": _check_header,
    "markdown": _check_markdown,
    "context": _check_context,
    "actions": _check_actions,
    "rich_text": _check_rich_text,
    "divider": _check_divider,
}
