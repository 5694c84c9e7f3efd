"""Writing a rich text from its beginning to its end: blocks apart, spans nested, code exclusive."""

from dataclasses import dataclass

from adapters.chats.rich.text import Kind, RichText, Span, clean, ordered

# What these say would be lost under code; bold and italic only lose their looks.
_STRONGER_THAN_CODE = frozenset({"link", "spoiler", "strike"})


@dataclass(slots=True)
class _Open:
    kind: Kind
    start: int
    detail: str
    counts: bool  # false within another span of the same kind


class Writer:
    """Collects text and spans; what separates blocks is written only when something follows."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._newlines = 2  # at the end of the text; a beginning needs no blank line above it
        self._gap = 0
        self._lead = ""
        self._open: list[_Open] = []
        self._spans: list[Span] = []

    def gap(self, newlines: int) -> None:
        """Ask for this many newlines, at least, before whatever comes next."""
        self._gap = max(self._gap, newlines)

    def lead(self, text: str) -> None:
        """Set what the next line begins with: an indent or the marker of a list."""
        self._lead = text

    @property
    def led(self) -> bool:
        """Whether a lead still waits for its line."""
        return bool(self._lead)

    def write(self, text: str) -> None:
        """Add text."""
        if text:
            self._settle()
            self._add(clean(text))

    def flush(self) -> None:
        """Write a lead that waits, even if nothing follows it."""
        if self._lead:
            self._lead = self._lead.rstrip()
            self._settle()

    def open(self, kind: Kind, detail: str = "") -> None:
        """Begin a span here."""
        if kind == "quote":
            self._break()  # a quote takes in the marker of its list item
            self._newlines = 2  # and begins a text of its own
        else:
            self._settle()
        counts = all(other.kind != kind for other in self._open)
        self._open.append(_Open(kind, self._length, detail, counts))

    def close(self) -> None:
        """End the span that was begun last."""
        self._keep(self._open.pop())

    def within(self, kind: Kind) -> bool:
        """Tell whether a span of this kind is open."""
        return any(span.kind == kind for span in self._open)

    def mark(self) -> int:
        """Begin a line if need be, and remember where this is, for `since`."""
        self._settle()
        return len(self._parts)

    def since(self, mark: int) -> str:
        """Return what was written since a mark."""
        return "".join(self._parts[mark:])

    def code(self, text: str) -> None:
        """Add a stretch of code; bold and italic pause for it."""
        if not text.strip() or any(span.kind in _STRONGER_THAN_CODE for span in self._open):
            self.write(text)
            return
        self._settle()
        self._exclusive("code", clean(text), "")

    def pre(self, text: str, language: str = "") -> None:
        """Add a block of code on lines of its own."""
        if self._lead.strip():
            self.flush()  # the marker of a list item stays on the line above
        self._lead = ""
        self.gap(1)
        self._break()
        self._exclusive("pre", clean(text), language)
        self.gap(1)

    def append(self, rich: RichText) -> None:
        """Add a text that has spans of its own; no span may be open but a quote."""
        if rich.text:
            self._settle()
            self._spans += (Span(s.kind, s.start + self._length, s.end + self._length, s.detail) for s in rich.spans)
            self._add(rich.text)

    def finish(self) -> RichText:
        """Return what was written."""
        text = "".join(self._parts)
        return RichText(text, ordered(self._spans))

    def _add(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._length += len(text)
            ending = len(text) - len(text.rstrip("\n"))
            self._newlines = ending if ending < len(text) else self._newlines + ending

    def _break(self) -> None:
        missing, self._gap = self._gap - self._newlines, 0
        if missing > 0:
            self._add("\n" * missing)

    def _settle(self) -> None:
        self._break()
        lead, self._lead = self._lead, ""
        self._add(lead)

    def _keep(self, span: _Open) -> None:
        if span.counts and self._length > span.start:
            self._spans.append(Span(span.kind, span.start, self._length, span.detail))

    def _exclusive(self, kind: Kind, text: str, detail: str) -> None:
        paused = [span for span in self._open if span.kind != "quote"]
        for span in paused:
            self._keep(span)
        start = self._length
        self._add(text)
        if text:
            self._spans.append(Span(kind, start, self._length, detail))
        for span in paused:
            span.start = self._length
