"""Mail that somebody saved as a file: who wrote what to whom, and what hung on it."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from io import BytesIO

from oxmsg import Message

from bot.converting.markup import html_text
from bot.converting.texts import tidy

_HEADERS = ("From", "To", "Cc", "Date", "Subject")


def mail_text(content: bytes) -> str:
    """Return a mail of the standard form (.eml)."""
    mail = message_from_bytes(content, policy=default)
    if not isinstance(mail, EmailMessage):
        return ""
    heads = [(name, str(mail[name])) for name in _HEADERS if mail[name]]
    body = mail.get_body(("plain", "html"))
    text = ""
    if isinstance(body, EmailMessage):
        said = _content(body)
        text = html_text(said) if body.get_content_subtype() == "html" else said
    attached = [(part.get_filename() or part.get_content_type(), len(_payload(part))) for part in mail.iter_attachments()]
    return _spelled(heads, text, attached)


def _content(part: EmailMessage) -> str:
    try:
        return str(part.get_content())
    except (LookupError, KeyError, ValueError):  # an encoding that nobody knows
        return _payload(part).decode("latin-1")


def _payload(part: object) -> bytes:
    payload = part.get_payload(decode=True) if isinstance(part, EmailMessage) else None
    return payload if isinstance(payload, bytes) else b""


def outlook_text(content: bytes) -> str:
    """Return a mail that Outlook saved (.msg)."""
    mail = Message.load(BytesIO(content))
    headers = mail.message_headers
    heads = [
        ("From", mail.sender or headers.get("From", "")),
        ("To", ", ".join(f"{one.name} <{one.email_address}>" for one in mail.recipients) or headers.get("To", "")),
        ("Date", str(mail.sent_date or headers.get("Date", ""))),
        ("Subject", mail.subject or ""),
    ]
    attached = [(one.file_name or "a file", one.size or 0) for one in mail.attachments]
    return _spelled([head for head in heads if head[1]], mail.body or html_text(mail.html_body or ""), attached)


def _spelled(heads: list[tuple[str, str]], text: str, attached: list[tuple[str, int]]) -> str:
    lines = [f"{name}: {' '.join(value.split())}" for name, value in heads]
    if attached:
        lines.append("Attached: " + ", ".join(f"{name} ({size:,} bytes)" for name, size in attached))
    return tidy("\n".join([*lines, "", text]))
