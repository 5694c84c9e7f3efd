"""Every provider that speaks OpenAI's protocol, through OpenAI's official SDK."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from json import JSONDecodeError

import httpx2
from openai import APIConnectionError, APIError, APIStatusError, DefaultHttpxClient, OpenAI, Stream
from openai.types.chat import ChatCompletionChunk

from adapters.models.complaints import model_error, organisation_of, read_complaint, readable, unreachable
from adapters.models.openai_chunks import Chunk, read_chunk
from adapters.models.openai_prompt import PLAIN, TRAITS, Traits, request
from adapters.models.openai_stream import Assembly
from adapters.models.wire import LIMITS, SOON, Wire, read_out, timeout
from bot.errors import ModelError, Unavailable
from bot.ports import Answer, Interrupt, Load, Prompt, Route, nothing_kept
from bot.redaction import Redactor
from bot.sounds.sound import Sound
from bot.transcribers import Heard

# Nothing is sent while a model thinks, so that a silence of minutes is no sign of a lost connection.
TIMEOUT = timeout(read=300)
NO_KEY = "none"  # for a server that asks for none; the SDK asks for one


class OpenAICompatibleModel:
    """A provider's models; `keys` are the API keys by their ids, `load` gives the bytes of what is shown.

    `traits` are those of a provider that the house does not know.
    """

    def __init__(
        self,
        provider: str,
        keys: Mapping[str, str],
        base_url: str,
        load: Load = nothing_kept,
        traits: Traits | None = None,
    ) -> None:
        self.load = load
        self._provider = provider
        self._traits = traits or TRAITS.get(provider, PLAIN)
        self._clean = Redactor(keys.values()).clean
        self._wire = Wire()
        self._http = DefaultHttpxClient(limits=LIMITS, timeout=TIMEOUT)
        self._wire.carry(self._http)
        self._clients = {key_id: self._client(key, base_url) for key_id, key in keys.items()}

    def answer(self, prompt: Prompt, route: Route, on_text: Callable[[str], None], interrupt: Interrupt) -> Answer:
        """Ask for the next message, telling `on_text` the text so far. Raises ModelError."""
        wanted = request(prompt, route, self._traits, self.load)
        with self._wire.cuttable(interrupt):
            with self._understood(prompt.max_output):
                stream = self._clients[route.key_id].chat.completions.create(stream=True, **wanted)
            with stream:
                return self._read(stream, prompt, on_text)

    def transcribe(self, sound: Sound, route: Route, interrupt: Interrupt) -> Heard:
        """Return what is said in a recording. Raises ModelError."""
        file = (sound.file_name, sound.content, sound.media_type)
        with self._wire.cuttable(interrupt), self._understood():
            asked = self._clients[route.key_id].audio.transcriptions.with_raw_response
            answer = asked.create(file=file, model=route.model, response_format="verbose_json")
            said = answer.parse()
            length = getattr(said, "duration", None)
            return Heard(text=said.text, seconds=_seconds(length), organisation=organisation_of(answer.http_response))

    def count(self, prompt: Prompt, route: Route) -> int | None:
        """Return nothing: the protocol has no way to count that costs nothing."""
        del prompt, route
        return None

    def check(self, route: Route) -> None:
        """Make sure that the key is accepted, without spending anything. Raises ModelError."""
        with self._understood():
            try:
                self._clients[route.key_id].get(self._traits.key_check, cast_to=object, options={"timeout": SOON})
            except APIStatusError as error:
                # A small server may have no such list; that it looks there at all means that the key is not refused.
                if error.status_code not in (httpx2.codes.NOT_FOUND, httpx2.codes.METHOD_NOT_ALLOWED):
                    raise

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def _client(self, key: str, base_url: str) -> OpenAI:
        client = OpenAI(
            api_key=key or NO_KEY,
            base_url=base_url,
            max_retries=0,  # a wait belongs into the database, where a crash does not forget it
            timeout=TIMEOUT,
            http_client=self._http,
        )
        if self._provider != "openai":
            client.organization = client.project = None  # the SDK took them from OPENAI_ORG_ID, which is nobody else's business
        return client

    @contextmanager
    def _understood(self, max_output: int = 0, response: httpx2.Response | None = None) -> Iterator[None]:
        try:
            yield
        except JSONDecodeError as error:  # a page of a proxy that calls itself JSON
            raise Unavailable(self._clean(f"an answer of {self._provider} cannot be read: {error}"), charged=True) from error
        except (APIConnectionError, httpx2.HTTPError) as error:
            raise unreachable(self._provider, error, self._clean) from error
        except APIError as error:
            answered = error.response if isinstance(error, APIStatusError) else response
            if answered is None:
                raise
            raise model_error(read_complaint(answered, error.body, max_output, self._clean)) from error

    def _read(self, stream: Stream[ChatCompletionChunk], prompt: Prompt, on_text: Callable[[str], None]) -> Answer:
        assembly = Assembly()
        try:
            for chunk in readable(self._chunks(stream, prompt.max_output), self._provider, self._clean):
                if assembly.take(chunk):
                    on_text(assembly.shown)
                if assembly.complete and assembly.usage is not None:
                    read_out(stream.response)  # the SDK would close the connection at `[DONE]`, before its last bytes
                    break
        except ModelError:
            if not assembly.complete:
                raise  # else the answer is whole, and only what it cost was lost
        if not assembly.complete:
            # The SDK does not show whether `[DONE]` came, but without a reason to stop that would not make it an answer.
            ended = f", for the reason {assembly.finish}" if assembly.finish else ""
            reason = self._clean(f"the answer of {self._provider} broke off in the middle{ended}")
            raise Unavailable(reason, charged=True, organisation=organisation_of(stream.response))
        return assembly.answer(prompt, organisation_of(stream.response))

    def _chunks(self, stream: Stream[ChatCompletionChunk], max_output: int) -> Iterator[Chunk]:
        """Give a stream's chunks. Raises ModelError for the error that comes in the place of one."""
        response = stream.response
        with self._understood(max_output, response):
            if "json" in response.headers.get("content-type", ""):  # a router's way to fail after it had said 200
                body = json.loads(response.read())
                raise model_error(read_complaint(response, body, max_output, self._clean))
            for sent in stream:
                chunk = read_chunk(sent)
                if chunk.error is not None:
                    raise model_error(read_complaint(response, chunk.error, max_output, self._clean))
                yield chunk


def _seconds(told: object) -> float | None:
    """Return a length that a provider told, as a number or as a text, if it is one."""
    try:
        length = float(str(told))
    except ValueError:
        return None
    return length if 0 < length < math.inf else None
