"""The vendor's check of a link, which refuses the whole message if one link in it is wrong."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

_PROTOCOL = re.compile(r"([^:/?#@\[\]]*)://", re.DOTALL)
_AUTHORITY = re.compile(r"[^/?#]*", re.DOTALL)
_PORT = re.compile(r":([^:@\]]*)\Z", re.DOTALL)
# Plain characters beyond ASCII are allowed as well.
_HOST = re.compile(r"(?:[a-z0-9.\-_!$,~*'();&+=]|%[0-9a-f]{2}|[^\x00-\x7f])*")
_TG_HOST = re.compile(r"[a-z0-9\-_]+")
_SCHEMES = ("http://", "https://", "mailto:", "tel:")


def link_fault(url: str) -> str | None:
    """Return what is wrong with the address of a link, in the vendor's words, or none."""
    lowered = url.lower()
    if lowered.startswith(("tg:", "ton:")):
        rest = lowered.partition(":")[2].removeprefix("//")
        fault, host = _authority_fault(rest)
        if fault is not None:
            return fault
        if "://" in rest.partition("?")[0]:
            return "Wrong tg URL"
        return None if _TG_HOST.fullmatch(host) else "Unallowed characters in URL host"
    fault, host = _authority_fault(lowered)
    if fault is not None:
        return fault
    if "." not in host and not host.startswith("["):
        return "Wrong HTTP URL"
    # The vendor takes "README.md" for http://README.md/; no test should pass with such a link.
    return None if lowered.startswith(_SCHEMES) else "Wrong HTTP URL"


def _authority_fault(url: str) -> tuple[str | None, str]:
    """Return what is wrong with the part of a lowered address that names the host, and the host."""
    protocol = _PROTOCOL.match(url)
    if protocol is not None:
        if protocol[1] not in {"http", "https"}:
            return "Unsupported URL protocol", ""
        url = url[protocol.end() :]
    match = _AUTHORITY.match(url)
    authority = match[0] if match else ""
    # "tel:+49123" is such a case: the vendor reads it as the host "tel" with the port "+49123".
    port = _PORT.search(authority, 1)
    if port is not None:
        authority = authority[: port.start()]
        if not (port[1].isascii() and port[1].isdigit() and 0 < int(port[1]) <= 0xFFFF):
            return "Wrong port number specified in the URL", ""
    host = authority.rpartition("@")[2]
    return _host_fault(host), host


def _host_fault(host: str) -> str | None:
    if not host:
        return "URL host is empty"
    if host == ".":
        return "Host is invalid"
    if host.startswith("[") and host.endswith("]"):
        try:
            IPv6Address(host[1:-1])
        except ValueError:
            return "Wrong IPv6 address specified in the URL"
        return None
    return None if _HOST.fullmatch(host) else "Disallowed character in URL host"
