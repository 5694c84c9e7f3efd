"""Files that people send: what the bot is told of them, and how it fetches their bytes in two steps."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING

from aiohttp import web

from tests.telegram_faults import FaultyServer
from tests.telegram_params import ApiError, JsonObject, Params, bad_request

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 20 * 2**20  # of what a bot may fetch
FOLDERS = {"photo": "photos", "document": "documents", "voice": "voice", "sticker": "stickers", "video": "videos"}
FETCH = "file"  # the name by which tests let the second step fail, or be slow


@dataclass(frozen=True)
class KeptFile:
    """A file at the vendor's."""

    id: str
    unique: str
    path: str
    content: bytes
    size: int

    def facts(self) -> JsonObject:
        """Return what a message tells of it."""
        return {"file_id": self.id, "file_unique_id": self.unique, "file_size": self.size}


class FileServer(FaultyServer):
    """A server that gives out files, to who knows the token."""

    token: str

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, KeptFile] = {}
        self.fetched: list[str] = []  # the ids of the files whose bytes were given out, or begun to be

    def keep_file(self, content: bytes, kind: str = "document", ending: str = "bin", size: int | None = None) -> KeptFile:
        """Keep a file that somebody sends; a larger size than it has stands for one that nobody wants to make."""
        number = len(self.kept) + 1
        path = f"{FOLDERS.get(kind, 'documents')}/file_{number}.{ending}"
        file = KeptFile(f"BQACAgI{token_hex(8)}", f"AgAD{number:04d}", path, content, len(content) if size is None else size)
        self.kept[file.id] = file
        return file

    def get_file(self, params: Params) -> JsonObject:
        """Carry out getFile."""
        file = self.kept.get(params.text("file_id"))
        if file is None:
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        if file.size > LARGEST:
            raise bad_request("file is too big")
        return {**file.facts(), "file_path": file.path}

    async def give(self, request: web.Request, start: str, parts: Sequence[str]) -> web.StreamResponse:
        """Answer a request for a file's bytes, at an address that begins with `file`."""
        try:
            await self.meet_faults(FETCH, Params({}))
        except ApiError as error:
            return web.Response(body=error.body(), status=error.status, content_type="application/json")
        path = "/".join(parts)
        file = next((one for one in self.kept.values() if one.path == path), None)
        if start != f"bot{self.token}" or file is None or request.method != "GET":
            missing = ApiError("Not Found", 404)
            return web.Response(body=missing.body(), status=404, content_type="application/json")
        self.fetched.append(file.id)
        self.changed()
        return web.Response(body=file.content, content_type="application/octet-stream")


def photo_facts(file: KeptFile, width: int, height: int) -> list[JsonObject]:
    """Return the sizes of a picture, of which the largest is the file."""
    small = {"file_id": f"{file.id}s", "file_unique_id": f"{file.unique}s", "file_size": 900, "width": 90, "height": 67}
    return [small, {**file.facts(), "width": width, "height": height}]
