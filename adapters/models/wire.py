"""Connections that another thread can cut, whether they wait for an answer's first byte or for its next."""

import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpcore2
import httpx2
from httpcore2 import NetworkBackend, NetworkStream, SyncBackend

from bot.ports import Interrupt

LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=300)
SOON = 10.0  # seconds for what a person waits for, such as the check of a key
_LEFTOVERS = 0.2  # seconds for the last bytes of an answer that is already whole


def timeout(read: float) -> httpx2.Timeout:
    """Return the timeouts of a client, whose answers may be silent for so many seconds."""
    return httpx2.Timeout(connect=10, read=read, write=30, pool=30)


def read_out(response: httpx2.Response) -> None:
    """Read what is left of a stream whose answer is whole: only then its connection serves the next request."""
    # The timeouts of a request are looked up at every read, and the end of a whole answer is worth no wait.
    response.request.extensions["timeout"]["read"] = _LEFTOVERS
    with suppress(httpx2.HTTPError, httpx2.StreamError):
        for _ in response.stream:  # type: ignore[union-attr]  # a client that is not asynchronous has no other
            pass


class Line:
    """The connection that a thread is using for its present request."""

    def __init__(self) -> None:
        self._stream: NetworkStream | None = None
        self._is_cut = False

    def use(self, stream: NetworkStream) -> None:
        """Take note of the connection. Raises ReadError when the line was cut before there was one."""
        self._stream = stream
        if self._is_cut:
            raise httpcore2.ReadError("the request was stopped")

    def cut(self) -> None:
        """Shut the connection down, so that whoever waits at it wakes up at once."""
        self._is_cut = True
        if self._stream is not None:
            connection = self._stream.get_extra_info("socket")
            # The plain socket's method: that of an SSL socket also drops the state that the other thread is using.
            try:
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                return  # it is closed already


class _Present(threading.local):
    line: Line | None = None


class _Stream(NetworkStream):
    """A connection that tells the line of the thread which uses it."""

    def __init__(self, stream: NetworkStream, present: _Present) -> None:
        self._stream = stream
        self._present = present

    def _note(self) -> None:
        if self._present.line is not None:
            self._present.line.use(self._stream)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._note()
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._note()
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._present)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore has it
        return self._stream.get_extra_info(info)


class Wire(NetworkBackend):
    """Opens connections that can be cut."""

    def __init__(self) -> None:
        self._backend = SyncBackend()
        self._present = _Present()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> NetworkStream:
        """Open a connection."""
        return _Stream(self._backend.connect_tcp(host, port, timeout, local_address, socket_options), self._present)

    @contextmanager
    def cuttable(self, interrupt: Interrupt) -> Iterator[None]:
        """Let `interrupt` cut the requests that this thread makes inside."""
        line = self._present.line = Line()
        try:
            with interrupt.guard(line.cut):
                yield
        finally:
            self._present.line = None

    def carry(self, client: httpx2.Client) -> None:
        """Let a client's connections run over this wire."""
        # httpx has no public way to choose the backend of its pools, although httpcore has.
        for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
            if isinstance(transport, httpx2.HTTPTransport):
                transport._pool._network_backend = self  # noqa: SLF001
