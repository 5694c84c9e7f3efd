"""What carries the words of a message: Markdown by itself, or blocks where there are buttons or an edit."""

from collections.abc import Iterator, Sequence

from bot.ports import Json

LONGEST_LABEL = 75
LONGEST_SECTION = 3000
MOST_SECTIONS = 45


def words(payload: Json, *, new: bool) -> Json:
    """Return the arguments that carry a payload's words and buttons, for a `new` message or for an edit."""
    markdown, mrkdwn, buttons = payload["markdown"], payload["mrkdwn"], payload.get("buttons")
    if new and not buttons:
        return {"markdown_text": markdown} if markdown else {"text": mrkdwn}
    if not markdown and not buttons:
        return {"text": mrkdwn, "blocks": []}
    shown = [{"type": "markdown", "text": markdown}] if markdown else list(_sections(mrkdwn))[:MOST_SECTIONS]
    # Beside blocks the text is only what a notification shows.
    return {"text": mrkdwn[:LONGEST_SECTION], "blocks": [*shown, *([_actions(buttons)] if buttons else [])]}


def _sections(mrkdwn: str) -> Iterator[Json]:
    """Cut a text into sections, at the ends of lines where there are any."""
    while mrkdwn:
        cut = len(mrkdwn)
        if cut > LONGEST_SECTION:
            cut = mrkdwn.rfind("\n", 0, LONGEST_SECTION) + 1 or mrkdwn.rfind(" ", 0, LONGEST_SECTION) + 1 or LONGEST_SECTION
        part, mrkdwn = mrkdwn[:cut], mrkdwn[cut:]
        if part.strip():
            yield {"type": "section", "text": {"type": "mrkdwn", "text": part}}


def _actions(buttons: Sequence[Sequence[str]]) -> Json:
    elements = [
        {
            "type": "button",
            "action_id": f"press-{number}",
            "text": {"type": "plain_text", "text": label[:LONGEST_LABEL]},
            "value": token,
        }
        for number, (label, token) in enumerate(buttons, start=1)
    ]
    return {"type": "actions", "elements": elements}
