"""The rules of a message's text and its entities, as the vendor's server has them or more strictly."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple, NotRequired, TypedDict, cast

from tests.telegram_links import link_fault
from tests.telegram_params import ApiError, JsonObject, bad_request

if TYPE_CHECKING:
    from tests.telegram_params import Params

LONGEST_TEXT = 4096  # UTF-16 units
LONGEST_CAPTION = 1024  # the same
LONGEST_BODY = 1 << 15  # bytes; beyond it the vendor does not even look at the entities
MOST_ENTITIES = 100

_DROPPED = re.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")
_CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f]")
_BLANK = re.compile("[ \n\xa0\u1680\u180e\u2000-\u200f\u202f\u205f\u2800\u3000\ufeff\ufffc\U000e0000-\U000e007f]*")

_QUOTES = frozenset({"blockquote", "expandable_blockquote"})
_STYLES = frozenset({"bold", "italic", "underline", "strikethrough", "spoiler"})
_CODES = frozenset({"pre", "code"})
_DETECTED = frozenset({"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number"})
# The fields of an entity beyond type, offset and length, and whether they must be there.
_FIELDS: dict[str, dict[str, tuple[type, bool]]] = {
    **{name: {} for name in _QUOTES | _STYLES | _DETECTED | {"code"}},
    "pre": {"language": (str, False)},
    "text_link": {"url": (str, True)},
    "text_mention": {"user": (dict, True)},
    "custom_emoji": {"custom_emoji_id": (str, True)},
    "date_time": {"unix_time": (int, True), "date_time_format": (str, False)},
}
_SHARED_FIELDS = {"type", "offset", "length"}


class Entity(TypedDict):
    """One entity of a text, its place given in UTF-16 units."""

    type: str
    offset: int
    length: int
    language: NotRequired[str]
    url: NotRequired[str]
    user: NotRequired[JsonObject]
    custom_emoji_id: NotRequired[str]
    unix_time: NotRequired[int]
    date_time_format: NotRequired[str]


class Styled(NamedTuple):
    """A text with its entities, as people see it."""

    text: str
    entities: tuple[Entity, ...]


def utf16_length(text: str) -> int:
    """Count the UTF-16 units of a text."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def styled_text(params: Params, *, too_long: str, may_be_empty: bool = False) -> Styled:
    """Return the text and the entities of a call as the server shows them, or refuse the call."""
    text = params.text("text")
    if not text and not may_be_empty:
        raise bad_request("message text is empty")
    if len(text) > LONGEST_BODY or len(text.encode()) > LONGEST_BODY:
        raise bad_request("text is too long")
    entities = _checked_entities(params, text, "entities")
    styled = _trimmed(*_cleaned(text, entities))
    if _BLANK.fullmatch(styled.text):
        if may_be_empty:
            return Styled("", ())
        raise bad_request("text must be non-empty")
    if utf16_length(styled.text) > LONGEST_TEXT:
        raise bad_request(too_long)
    return styled


def styled_caption(params: Params) -> Styled:
    """Return the words below a picture or a file, or refuse the call."""
    text = params.text("caption")
    entities = _checked_entities(params, text, "caption_entities")
    styled = _trimmed(*_cleaned(text, entities))
    if utf16_length(styled.text) > LONGEST_CAPTION:
        raise bad_request("message caption is too long")
    return Styled("", ()) if _BLANK.fullmatch(styled.text) else styled


def _checked_entities(params: Params, text: str, name: str) -> list[Entity]:
    entities = params.json_array(name)
    if params.text("parse_mode"):
        # What the vendor would make of the text is not played here, so that no test relies on it.
        raise bad_request("can't parse entities: the double takes no parse_mode")
    if not entities:
        return []
    if len(entities) > MOST_ENTITIES:
        raise _wrong_entity(f"{len(entities)} entities, of which the server ignores all after {MOST_ENTITIES}")
    units = text.encode("utf-16-le")
    checked = [_checked_entity(entity, units) for entity in entities]
    _check_nesting(checked)
    return checked


def _wrong_entity(reason: str) -> ApiError:
    return bad_request(f"can't parse MessageEntity: {reason}")


def _checked_entity(entity: object, units: bytes) -> Entity:
    if not isinstance(entity, dict):
        raise _wrong_entity("expected an Object")
    kind = entity.get("type")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise _wrong_entity("Unsupported type specified")
    offset, length = entity.get("offset"), entity.get("length")
    if type(offset) is not int or type(length) is not int:
        raise _wrong_entity('Field "offset" and "length" must be of type Number')
    if offset < 0 or length <= 0 or 2 * (offset + length) > len(units):
        raise _wrong_entity(f"{kind} at {offset}+{length} is not within the text")
    if _is_inside_pair(units, offset) or _is_inside_pair(units, offset + length):
        raise _wrong_entity(f"{kind} at {offset}+{length} cuts a surrogate pair")
    _check_fields(kind, entity)
    return cast("Entity", entity)


def _is_inside_pair(units: bytes, position: int) -> bool:
    return 2 * position < len(units) and 0xDC <= units[2 * position + 1] <= 0xDF


def _check_fields(kind: str, entity: JsonObject) -> None:
    fields = _FIELDS[kind]
    for name in entity:
        if name not in _SHARED_FIELDS and name not in fields:
            raise _wrong_entity(f"{kind} has no field {name}")
    for name, (wanted, is_required) in fields.items():
        if name not in entity:
            if is_required:
                raise _wrong_entity(f'Can\'t find field "{name}"')
        elif type(entity[name]) is not wanted:
            raise _wrong_entity(f'Field "{name}" must be of another type')
    _check_value(kind, entity)


def _check_value(kind: str, entity: JsonObject) -> None:
    if kind == "text_link":
        fault = link_fault(str(entity["url"]))
        if fault is not None:
            raise bad_request(f"entity URL '{entity['url']}' is invalid: {fault}")
    elif kind == "text_mention":
        user = entity["user"]
        if not isinstance(user, dict) or type(user.get("id")) is not int:
            raise _wrong_entity('Can\'t find field "id"')
    elif kind == "custom_emoji" and not str(entity["custom_emoji_id"]).isdigit():
        raise _wrong_entity('Field "custom_emoji_id" must be a valid Number')


def _rank(kind: str) -> int:
    """Return how far inside an entity stands among those of the same place."""
    if kind in _QUOTES:
        return 0
    if kind in _STYLES:
        return 1
    return 3 if kind in _CODES else 2


def _check_nesting(entities: list[Entity]) -> None:
    """Refuse what the documentation forbids; the server would quietly drop or cut some of the entities."""
    around: list[Entity] = []
    for inner in sorted(entities, key=lambda entity: (entity["offset"], -entity["length"], _rank(entity["type"]))):
        while around and _end(around[-1]) <= inner["offset"]:
            around.pop()
        for outer in around:
            if _end(inner) > _end(outer):
                raise _wrong_entity(f"{outer['type']} and {inner['type']} overlap partly")
            if not _may_contain(outer["type"], inner["type"]):
                raise _wrong_entity(f"{outer['type']} can't contain {inner['type']}")
        around.append(inner)


def _end(entity: Entity) -> int:
    return entity["offset"] + entity["length"]


def _may_contain(outer: str, inner: str) -> bool:
    if outer in _QUOTES:
        return inner not in _QUOTES
    if outer in _STYLES:
        return inner not in _CODES
    return outer not in _CODES and inner in _STYLES


def _cleaned(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Remove what the server removes from every text, and make spaces of control characters."""
    text = _CONTROL.sub(" ", text)
    if not _DROPPED.search(text):
        return text, entities
    places = [utf16_length(text[: match.start()]) for match in _DROPPED.finditer(text)]
    moved = [_moved(entity, places) for entity in entities]
    return _DROPPED.sub("", text), [entity for entity in moved if entity["length"]]


def _moved(entity: Entity, places: list[int]) -> Entity:
    offset = entity["offset"] - bisect_left(places, entity["offset"])
    end = _end(entity) - bisect_left(places, _end(entity))
    return {**entity, "offset": offset, "length": end - offset}


def _trimmed(text: str, entities: list[Entity]) -> Styled:
    """Strip spaces and line ends behind the text, and before it up to the first entity."""
    text = text.rstrip(" \n")
    end = utf16_length(text)
    first = min((entity["offset"] for entity in entities), default=end)
    cut = min(len(text) - len(text.lstrip(" \n")), first)
    if cut == 0 and all(_end(entity) <= end for entity in entities):
        return Styled(text, tuple(entities))
    kept = (entity for entity in entities if entity["offset"] < end)
    return Styled(
        text[cut:],
        tuple(
            {**entity, "offset": entity["offset"] - cut, "length": min(_end(entity), end) - entity["offset"]} for entity in kept
        ),
    )
