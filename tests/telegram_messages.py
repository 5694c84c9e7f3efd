"""The methods of the Bot API that act in a chat: messages, edits, drafts, actions and reactions."""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING, Any

from tests import telegram_options as options
from tests.telegram_chats import Action, Chat, Chats, Draft, Edit, SentMessage
from tests.telegram_params import JsonObject, bad_request
from tests.telegram_photos import document, photo_sizes
from tests.telegram_rules import styled_caption, styled_text

if TYPE_CHECKING:
    from tests.telegram_params import Params
    from tests.telegram_rules import Styled

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


def send_message(chats: Chats, params: Params) -> JsonObject:
    """Put a message of the bot into a chat."""
    return _post(chats, params, styled_text(params, too_long="message is too long"))


def send_photo(chats: Chats, params: Params) -> JsonObject:
    """Put a picture of the bot into a chat."""
    body = params.file("photo")
    return _post(chats, params, styled_caption(params), {"photo": photo_sizes(body)}, photo=body)


def send_document(chats: Chats, params: Params) -> JsonObject:
    """Put a file of the bot into a chat."""
    file = document(params)
    facts = {"file_id": "BQADfile", "file_unique_id": "AgADfile", "file_name": file.name, "file_size": len(file.content)}
    return _post(chats, params, styled_caption(params), {"document": facts}, document=file)


def _post(chats: Chats, params: Params, styled: Styled, facts: JsonObject | None = None, **carried: Any) -> JsonObject:
    preview, markup = options.link_preview_options(params), options.reply_markup(params)
    is_silent = params.boolean("disable_notification")
    chat = chats.for_call(params)
    reply, thread = _reply(chat, params), _thread(chat, params)
    message: JsonObject = {
        "message_id": chats.next_message_id(chat),
        "from": chats.bot,
        "chat": chat.facts,
        "date": int(time()),
    }
    if thread is not None:
        message |= {"message_thread_id": thread, "is_topic_message": True}
    if reply is not None:
        message["reply_to_message"] = chats.quoted(chat, reply)
    _set_content(message, styled, preview, markup, facts)
    message_id = int(str(message["message_id"]))
    chat.history[message_id] = message
    chat.has_draft = False
    chat.put(
        SentMessage(
            message_id=message_id,
            chat_id=chat.chat_id,
            text=styled.text,
            entities=styled.entities,
            reply_to=reply,
            thread=thread,
            sent_at=monotonic(),
            first_text=styled.text,
            edits=(),
            deleted=False,
            link_preview_options=preview,
            reply_markup=markup,
            is_silent=is_silent,
            **carried,
        )
    )
    return message


def _set_content(
    message: JsonObject,
    styled: Styled,
    preview: JsonObject | None,
    markup: JsonObject | None,
    more: JsonObject | None = None,
) -> None:
    text, entities = ("text", "entities") if more is None else ("caption", "caption_entities")
    shown: JsonObject = {
        **(more or {}),
        text: styled.text,
        entities: list(styled.entities),
        "link_preview_options": preview,
        "reply_markup": markup,
    }
    for name, value in shown.items():
        if value:
            message[name] = value
        else:
            message.pop(name, None)


def _reply(chat: Chat, params: Params) -> int | None:
    reply = options.reply_to(params)
    if reply is None:
        return None
    if reply.chat_id in {None, chat.chat_id} and reply.message_id in chat.history:
        return reply.message_id
    if reply.may_be_missing:
        return None
    raise bad_request("message to be replied not found")


def _thread(chat: Chat, params: Params) -> int | None:
    thread = params.integer("message_thread_id")
    if thread is not None and thread not in chat.threads:
        raise bad_request("message thread not found")
    return thread


def send_message_draft(chats: Chats, params: Params) -> bool:
    """Show a person a text that the bot still writes."""
    draft_id = params.integer("draft_id")
    if not draft_id:
        raise bad_request("draft_id must be non-zero")
    styled = styled_text(params, too_long="MESSAGE_TOO_LONG", may_be_empty=True)
    chat = chats.for_call(params)
    if not chat.is_private:
        raise bad_request("TEXTDRAFT_PEER_INVALID")
    _thread(chat, params)
    chat.drafts.append(Draft(draft_id, styled.text, styled.entities, monotonic()))
    chat.has_draft = True
    return True


def edit_message_text(chats: Chats, params: Params) -> JsonObject:
    """Change the text of one of the bot's messages."""
    if "inline_message_id" in params.values:
        raise bad_request("MESSAGE_ID_INVALID")  # no message here was sent inline
    styled = styled_text(params, too_long="MESSAGE_TOO_LONG")
    preview, markup = options.link_preview_options(params), options.reply_markup(params)
    chat = chats.for_call(params, writes=False)
    message_id = params.integer("message_id") or 0
    if message_id not in chat.history:
        raise bad_request("message to edit not found")
    if message_id not in chat.places:
        raise bad_request("message can't be edited")
    before = chat.sent[chat.places[message_id]]
    if before.photo is not None or before.document is not None:
        raise bad_request("there is no text in the message to edit")
    if (before.text, before.entities, before.reply_markup) == (styled.text, styled.entities, markup):
        raise bad_request(NOT_MODIFIED)
    chat.put(
        before._replace(
            text=styled.text,
            entities=styled.entities,
            edits=(*before.edits, Edit(styled.text, styled.entities, monotonic())),
            link_preview_options=preview,
            reply_markup=markup,
        )
    )
    message = chat.history[message_id]
    message["edit_date"] = int(time())
    _set_content(message, styled, preview, markup)
    return message


def delete_message(chats: Chats, params: Params) -> bool:
    """Remove a message: one of the bot's, or in a private chat anybody's."""
    message_id = params.integer("message_id")
    if message_id is None:
        raise bad_request("message identifier is not specified")
    chat = chats.for_call(params)
    if message_id not in chat.history:
        raise bad_request("message to delete not found")
    place = chat.places.get(message_id)
    if place is None and not chat.is_private:
        raise bad_request("message can't be deleted")
    del chat.history[message_id]
    if place is not None:
        chat.put(chat.sent[place]._replace(deleted=True))
    return True


def send_chat_action(chats: Chats, params: Params) -> bool:
    """Show what the bot is doing."""
    action = options.action(params)
    chat = chats.for_call(params)
    _thread(chat, params)
    chat.actions.append(Action(action, monotonic()))
    return True


def set_message_reaction(chats: Chats, params: Params) -> bool:
    """React to a message, or take the reaction back."""
    chosen = options.reactions(params)
    params.boolean("is_big")
    chat = chats.for_call(params)
    message_id = params.integer("message_id") or 0
    if message_id not in chat.history:
        raise bad_request("message to react not found")
    chat.reactions[message_id] = chosen
    return True
