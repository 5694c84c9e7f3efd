"""The floor: the least bot with which Telegram and Claude can be joined, without a store, a queue or streaming."""

import os

from anthropic import AsyncAnthropic
from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters

claude = AsyncAnthropic()


async def answer(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    """Answer a message."""
    if update.message and update.message.text:
        asked = {"role": "user", "content": update.message.text}
        reply = await claude.messages.create(model="claude-sonnet-5-5", max_tokens=1000, messages=[asked])  # type: ignore[list-item]
        await update.message.reply_text("".join(block.text for block in reply.content if block.type == "text"))


if __name__ == "__main__":
    url = os.environ["TELEGRAM_API_URL"]
    app = Application.builder().token(os.environ["TELEGRAM_BOT_TOKEN"]).base_url(f"{url}/bot").build()
    app.add_handler(MessageHandler(filters.TEXT, answer))
    app.run_polling()
