"""The one place where secrets are cleaned out of what is logged, kept or shown."""

import base64
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

SHORTEST_SECRET = 6  # a shorter value would blot out ordinary words
MASK = "[secret]"

# The forms of credentials whose value the house does not know: a person may paste one into a chat.
_FORMS = (
    r"sk-ant-[A-Za-z0-9_-]{16,}",
    r"sk-(?:proj|or|svcacct)-[A-Za-z0-9_-]{16,}",
    r"sk-[A-Za-z0-9]{32,}",
    r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{2,}+\*{4,}[A-Za-z0-9_-]*",  # a key of which a provider shows both ends
    r"nvapi-[A-Za-z0-9_-]{16,}",
    r"gsk_[A-Za-z0-9]{16,}",
    r"xox[abeprs]-[A-Za-z0-9-]{10,}",
    r"xapp-[A-Za-z0-9-]{10,}",
    r"gh[oprsu]_[A-Za-z0-9]{20,}",
    r"github_pat_[A-Za-z0-9_]{20,}",
    r"AIza[A-Za-z0-9_-]{30,}",
    r"ya29\.[A-Za-z0-9_-]{20,}",
    r"AKIA[A-Z0-9]{16}",
    r"\b\d{8,10}:[A-Za-z0-9_-]{35}\b",
    r"(?<=Bearer )[A-Za-z0-9._~+/-]{16,}=*",
    r"(?<=://)[^/\s:@]*:[^/\s:@]+(?=@)",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
)


class Redactor:
    """Masks the secrets of this house in every encoding they travel in, and whatever looks like anybody's secret."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {form for secret in secrets if len(secret) >= SHORTEST_SECRET for form in _encodings(secret)}
        # Longer ones first, so that no secret hides behind another that is a part of it.
        values = sorted(map(re.escape, known), key=len, reverse=True)
        self._pattern = re.compile("|".join((*values, *_FORMS)), re.DOTALL)

    def clean(self, text: str) -> str:
        """Return the text with every secret masked."""
        return self._pattern.sub(MASK, text)

    def clean_json(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """Return a JSON value with every secret masked in its texts."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, list):
            return [self.clean_json(inner) for inner in value]
        if isinstance(value, dict):
            return {self.clean(name): self.clean_json(inner) for name, inner in value.items()}
        return value


def _encodings(secret: str) -> set[str]:
    raw = secret.encode()
    encoded = base64.b64encode(raw).decode()
    return {
        secret,
        quote(secret, safe=""),
        quote(secret),
        raw.hex(),
        encoded.rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
    }
