"""The page that shows one answer on every chat: `python -m tests.rendering_page` prints it."""

import json
import sys
from pathlib import Path

from adapters.chats.rich.markdown import parse
from adapters.chats.rich.mentions import JOINER
from adapters.chats.slack.tables import messages as slack_messages
from adapters.chats.slack.text import pieces as slack_pieces
from adapters.chats.telegram.tables import messages as telegram_messages
from adapters.chats.telegram.text import Entity
from adapters.chats.telegram.text import pieces as telegram_pieces
from adapters.chats.terminal.text import to_plain
from bot.contents import SOURCE
from bot.ports import Json

PAGE = Path(__file__).parent.parent / "docs" / "rendering.md"

SAMPLE = """\
## Sourdough, briefly

Feed the **starter** *twice*, and ~~never~~ rarely use `cold` water[^1]. More at [the mill](https://mill.example/flour?type=550).

1. Mix flour and water
   - 500 g flour
   - 350 g water
2. Wait

> Time is an ingredient.

| Stage | Hours |
|:------|------:|
| Rise  |     4 |
| Proof |    12 |

```python
hydration = 350 / 500  # < 1
```

The hydration is \\(h = \\frac{w}{f}\\), and the result is ||worth it||.

@anna_b and <!channel>: write to baker@mill.example, 2 * 3 loaves are ready.

[^1]: Cold water slows the yeast.
"""

WIDE = """\
What they cost:

| Provider | Model | Input, $/M | Output, $/M | Good at |
|:---------|:------|-----------:|------------:|:--------|
| Anthropic | Sonnet 5.5 | 2.00 | 10.00 | long texts, [tools](https://tools.example/) |
| OpenAI | GPT-6 Luna | 0.10 | 0.50 | **cheap** answers |

Take the first.
"""

_PAGE = """\
# The same answer on Telegram, Slack and the terminal

A butler writes Markdown. It is parsed once (`adapters/chats/rich`), and each chat is sent what it can show. This page is made
by `python -m tests.rendering_page`, and a test holds it to what the code does. `{shown}` stands for U+2060, the word joiner: it
shows nothing, and no vendor finds a mention behind it. `·` stands for a no-break space, `¬` for a soft hyphen.

## What the butler wrote

{sample}

## Telegram

The text, and below it the entities: what each covers.

{telegram}

{entities}

## Slack

As `markdown_text`, in a stream, or in a `markdown` block. Slack has no spoilers: the bars stay.

{markdown}

As mrkdwn, for notifications and wherever Markdown is not taken.

{mrkdwn}

## Terminal

For a pipe; on a screen the same text has styles instead of brackets, and lines that wrap.

{terminal}

## A table that is too wide

Up to 38 characters a table stays text on Telegram, up to 60 on Slack; one with two columns always does. A wider one is a
picture (`bot/drawn_tables.py`), drawn right before it is sent, and all its cells stand below it, or in a file where they
are too many. A table that takes more than three pictures, or has more than ten columns, is a file, of which the first rows
are shown. A terminal keeps text.

{wide}

Telegram, where the words below the picture are folded away until somebody asks for them:

{wide_telegram}

Slack, where they are its description for who cannot see it:

{wide_slack}

The terminal:

{wide_terminal}
"""

_SHOWN = "⁀"
_VISIBLE = str.maketrans({JOINER: _SHOWN, "\u00a0": "·", "\u00ad": "¬"})


def page() -> str:
    """Write the page."""
    (text, entities), *more = telegram_pieces(SAMPLE)
    (slack,), terminal = slack_pieces(SAMPLE), to_plain(parse(SAMPLE))
    if more:
        raise ValueError("The sample is one message.")
    return _PAGE.format(
        shown=_SHOWN,
        sample=_fenced(SAMPLE.rstrip()),
        telegram=_fenced(text),
        entities=_listing(text, entities),
        markdown=_fenced(slack.markdown),
        mrkdwn=_fenced(slack.mrkdwn),
        terminal=_fenced(terminal),
        wide=_fenced(WIDE.rstrip()),
        wide_telegram=_fenced("\n\n".join(_said(one, "caption") for one in telegram_messages(WIDE))),
        wide_slack=_fenced("\n\n".join(_said(one, "alt") for one in slack_messages(WIDE))),
        wide_terminal=_fenced(to_plain(parse(WIDE))),
    )


def _said(message: Json, below: str) -> str:
    return f"[a picture]\n{message[below]}" if SOURCE in message else str(message.get("text") or message.get("markdown"))


def _fenced(text: str) -> str:
    return f"````text\n{text.translate(_VISIBLE)}\n````"


def _listing(text: str, entities: list[Entity]) -> str:
    units = text.encode("utf-16-le")
    rows = ["| entity | covers | with |", "|---|---|---|"]
    for entity in entities:
        offset, length = int(str(entity["offset"])), int(str(entity["length"]))
        covered = units[2 * offset : 2 * (offset + length)].decode("utf-16-le").translate(_VISIBLE)
        rest = ", ".join(str(entity[name]) for name in ("url", "language") if name in entity)
        quoted = json.dumps(covered, ensure_ascii=False).replace("|", "\\|")
        rows.append(f"| {entity['type']} | `{quoted}` | {rest} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.stdout.write(page())
