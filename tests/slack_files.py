"""The files of the workspace: how people and the bot bring them, and how they are fetched."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from mimetypes import guess_type
from secrets import token_hex
from time import time
from typing import TYPE_CHECKING

from aiohttp import web

from tests.slack_params import JsonObject, Params, SlackError, wrong_argument
from tests.slack_posts import new_message, put, thread_for

if TYPE_CHECKING:
    from tests.slack_chats import Conversation, Workspace

LARGEST = 2**30
LONGEST_ALT = 1000
LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in to your workspace</body></html>"


@dataclass(slots=True)
class SlackFile:
    """One file, which is without content until it is brought."""

    id: str
    name: str
    user: str
    length: int
    mimetype: str = "application/octet-stream"
    title: str = ""
    content: bytes | None = None
    is_complete: bool = False
    alt_text: str = ""
    channels: list[str] = field(default_factory=list)

    def facts(self, workspace: Workspace) -> JsonObject:
        """Return the file as the vendor describes it."""
        address = f"{workspace.address}/files/{workspace.team}-{self.id}"
        moment = int(time())
        return {
            "id": self.id,
            "created": moment,
            "timestamp": moment,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": self.mimetype,
            "filetype": self.name.rpartition(".")[2] or "binary",
            "pretty_type": "File",
            "user": self.user,
            "user_team": workspace.team,
            "editable": False,
            "size": self.length,
            "mode": "hosted",
            "is_external": False,
            "external_type": "",
            "is_public": False,
            "public_url_shared": False,
            "file_access": "visible",
            "channels": self.channels,
            "url_private": f"{address}/{self.name}",
            "url_private_download": f"{address}/download/{self.name}",
            "alt_txt": self.alt_text,
            "permalink": f"https://{workspace.domain}.slack.com/files/{self.user}/{self.id}/{self.name}",
        }


class Files:
    """Every file of the workspace; used in the server's thread only."""

    def __init__(self) -> None:
        self.known: dict[str, SlackFile] = {}
        self.tickets: dict[str, SlackFile] = {}

    def add(self, name: str, user: str, length: int) -> SlackFile:
        """Return a new file without content."""
        file = SlackFile(f"F{len(self.known) + 1:08d}", name, user, length)
        self.known[file.id] = file
        return file

    def receive(self, ticket: str, body: bytes) -> bool:
        """Take the content of a file that was announced, and tell whether it was."""
        file = self.tickets.pop(ticket, None)
        if file is None or len(body) != file.length:
            return False
        file.content = body
        return True

    def content(self, path: str) -> SlackFile | None:
        """Return the file that an address names."""
        return self.known.get(path.split("/", maxsplit=1)[0].rpartition("-")[2])

    def get_upload_url(self, workspace: Workspace, params: Params) -> JsonObject:
        """Carry out files.getUploadURLExternal."""
        name = params.required("filename")
        length = params.integer("length", 0, "invalid_arguments")
        if not 0 < length <= LARGEST:
            raise wrong_argument("length must be positive")
        ticket = token_hex(8)
        file = self.tickets[ticket] = self.add(name, workspace.bot_user, length)
        file.mimetype = guess_type(name)[0] or file.mimetype
        file.alt_text = params.text("alt_txt")
        if len(file.alt_text) > LONGEST_ALT:
            raise wrong_argument(f"must be less than {LONGEST_ALT + 1} characters [json-pointer:/alt_txt]")
        return {"upload_url": f"{workspace.address}/upload/v1/{ticket}", "file_id": file.id}

    def complete_upload(self, workspace: Workspace, params: Params) -> JsonObject:
        """Carry out files.completeUploadExternal."""
        asked = params.array("files", "invalid_arguments")
        if not asked:
            raise wrong_argument("missing required field: files")
        files = []
        for entry in asked:
            file = self.known.get(entry.get("id", ""))
            if file is None or file.content is None or file.is_complete:
                raise SlackError("file_not_found")
            file.title = entry.get("title") or file.name
            files.append(file)
        if params.has("channel_id"):
            self._share(workspace, params, files)
        for file in files:
            file.is_complete = True
        return {"files": [file.facts(workspace) for file in files]}

    def files_info(self, workspace: Workspace, params: Params) -> JsonObject:
        """Carry out files.info."""
        file = self.known.get(params.required("file", "file_not_found"))
        if file is None or file.content is None:
            raise SlackError("file_not_found")
        return {"file": file.facts(workspace), "comments": [], "response_metadata": {"next_cursor": ""}}

    def _share(self, workspace: Workspace, params: Params, files: list[SlackFile]) -> None:
        conversation: Conversation = workspace.writable_for(params, "channel_id")
        thread = thread_for(workspace, conversation, params)
        for file in files:
            file.channels.append(conversation.id)
        message = new_message(
            workspace,
            conversation,
            fallback=params.text("initial_comment"),
            files=tuple(file.facts(workspace) for file in files),
            thread_ts=thread,
        )
        put(workspace, conversation, message)


async def in_chunks(request: web.Request, file: SlackFile, size: int, pause: float) -> web.StreamResponse:
    """Answer with a file's content in chunks, with a pause after each."""
    content = file.content or b""
    answer = web.StreamResponse(headers={"Content-Type": file.mimetype, "Content-Length": str(len(content))})
    await answer.prepare(request)
    for start in range(0, len(content), size):
        await answer.write(content[start : start + size])
        await asyncio.sleep(pause)
    await answer.write_eof()
    return answer
