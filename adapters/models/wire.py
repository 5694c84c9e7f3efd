"""Connections that another thread can cut, whether they wait for an answer's first byte or for its next."""

import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2
import httpx2
from httpcore2 import NetworkBackend, NetworkStream, SyncBackend

from bot.ports import Interrupt


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
