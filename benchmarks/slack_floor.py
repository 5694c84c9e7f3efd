"""The floor on Slack: the least bot with which Slack and Claude can be joined, without a store, a queue or streaming."""

import asyncio
import os
from typing import Any

from anthropic import AsyncAnthropic
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.say.async_say import AsyncSay
from slack_sdk.web.async_client import AsyncWebClient

claude = AsyncAnthropic()


async def answer(event: dict[str, Any], say: AsyncSay) -> None:
    """Answer a message."""
    asked = {"role": "user", "content": event["text"]}
    reply = await claude.messages.create(model="claude-sonnet-5-5", max_tokens=1000, messages=[asked])  # type: ignore[list-item]
    await say("".join(block.text for block in reply.content if block.type == "text"))


async def serve() -> None:
    """Serve for ever."""
    app = AsyncApp(client=AsyncWebClient(os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"]))
    app.event("message")(answer)
    await AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).start_async()  # type: ignore[no-untyped-call] # the SDK's own


if __name__ == "__main__":
    asyncio.run(serve())
