"""What models write beyond CommonMark, taught to markdown-it: spoilers, mathematics, footnotes and deep nesting."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, lheading, reference
from markdown_it.rules_inline import StateInline, emphasis
from markdown_it.rules_inline.state_inline import Delimiter

# markdown-it drops, without a word, what is nested deeper than `maxNesting`; a list counts two. Ours begins to take
# such text as a paragraph before that.
MAX_NESTING = 20
_DEEPEST = MAX_NESTING - 4

_SPOILER = ord("|")
_STAR = ord("*")
# Chinese, Japanese and Korean, whose words stand without spaces.
_EAST_ASIAN = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)

# Enough to tell a formula from an escaped bracket such as \[optional\].
_FORMULA = re.compile(r"\\[a-zA-Z]|[\^={}<>]|_\w\b|\d\s*[-+*/]\s*\w")
_CLOSING = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}
_LONGEST_FORMULA = 2000
_MOST_LINES = 40
# Dollars are money unless they hug a formula: nothing after "$5 and 6$" may look like one.
_DOLLARS = re.compile(r"\$(?![\s$])(?:[^$\\\n]|\\.){1,500}(?<![\s\\])\$(?![\d$])")
_DOLLAR_FORMULA = re.compile(r"\\[a-zA-Z]|[\^_={}]")

# Only numbers, and no more than a page has: [^a-z] is an expression of a programmer's.
_FOOTNOTE = re.compile(r"\[\^(\d{1,3})\](?!\()")


class _Parser(MarkdownIt):
    """A parser that takes every link as it stands: the one who shows a link judges it."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's name
        """Take it; a link that is refused here would stay as raw Markdown."""
        del url
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - markdown-it's name
        """Leave it as a person would read it."""
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802 - markdown-it's name
        """Leave it as a person would read it."""
        return link


def build_parser() -> MarkdownIt:
    """Build the parser of everything that a model writes."""
    parser = _Parser("commonmark", {"html": False, "maxNesting": MAX_NESTING})
    parser.options["tasklists"] = True
    parser.options["store_labels"] = True
    parser.options["inline_definitions"] = True
    parser.enable(["table", "strikethrough"])
    block = parser.block.ruler
    block.before("table", "deep", _deep)
    block.before("fence", "formula", _formula_block, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    block.at("reference", _reference)
    block.at("lheading", _underlined)
    parser.inline.add_terminator_char("|")
    parser.inline.ruler.before("escape", "formula", _formula)
    parser.inline.ruler.before("link", "footnote", _footnote)
    parser.inline.ruler.before("emphasis", "spoiler", _spoiler)
    parser.inline.ruler.at("emphasis", _emphasis)
    parser.inline.ruler2.after("balance_pairs", "spoiler", _spoiler_pairs)
    return parser


def _deep(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - markdown-it calls it so
    """Take everything that is nested too deep as one paragraph."""
    if silent or state.level < _DEEPEST:
        return False
    state.push("paragraph_open", "p", 1).map = [start, end]
    inline = state.push("inline", "", 0)
    inline.content = state.getLines(start, end, state.blkIndent, keepLastLF=False).strip()
    inline.map, inline.children = [start, end], []
    state.push("paragraph_close", "p", -1)
    state.line = end
    return True


def _reference(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - as above
    """Leave footnotes, which look like definitions of links, where they are."""
    if state.src.startswith("[^", state.bMarks[start] + state.tShift[start]):
        return False
    return reference(state, start, end, silent)


def _underlined(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - as above
    """Take no line of dashes for the underline of a heading.

    Models mean a break by it; and while an answer arrives, the first dash of a list would make a heading of the
    paragraph above it.
    """
    count, line, parent = len(state.tokens), state.line, state.parentType
    if not lheading(state, start, end, silent):
        state.parentType = parent
        return False
    if state.tokens[count].markup == "=":
        return True
    del state.tokens[count:]
    state.line, state.parentType = line, parent
    return False


def _formula_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - as above
    r"""Take lines between $$ and $$, or between \[ and \], as they are."""
    at = state.bMarks[start] + state.tShift[start]
    opening = state.src[at : at + 2]
    if opening not in {"$$", "\\["} or state.is_code_block(start):
        return False
    closing = _CLOSING[opening]
    line, last = start, state.src[at + 2 : state.eMarks[start]].rstrip()
    while not last.endswith(closing):
        line += 1
        if line >= min(end, start + _MOST_LINES) or state.isEmpty(line) or state.sCount[line] < state.blkIndent:
            return False
        last = state.src[state.bMarks[line] : state.eMarks[line]].rstrip()
    content = state.getLines(start, line + 1, state.blkIndent, keepLastLF=False).strip()[2:-2]
    if closing in content or not _FORMULA.search(content):
        return False
    if not silent:
        token = state.push("formula_block", "", 0)
        token.content, token.map = content, [start, line + 1]
        state.line = line + 1
    return True


def _formula(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - as above
    """Keep Markdown out of a formula."""
    opening = state.src[state.pos : state.pos + 2]
    if opening in _CLOSING:
        closing = state.src.find(_CLOSING[opening], state.pos + 2, min(state.posMax, state.pos + _LONGEST_FORMULA))
        content = state.src[state.pos + 2 : closing] if closing >= 0 else ""
        if _FORMULA.search(content) and content.strip():
            if not silent:
                state.push("formula", "", 0).content = content.strip()
            state.pos = closing + 2
            return True
    elif opening[:1] == "$":
        found = _DOLLARS.match(state.src, state.pos, state.posMax)
        if found and _DOLLAR_FORMULA.search(found[0]):
            if not silent:
                # Perhaps it was money after all: the dollars stay, and nothing is made to look like code.
                state.push("text_special", "", 0).content = found[0]
            state.pos = found.end()
            return True
    return False


def _footnote(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - as above
    """Read the number of a footnote like that of a source, here and where the note stands."""
    found = _FOOTNOTE.match(state.src, state.pos, state.posMax)
    if not found:
        return False
    if not silent:
        state.push("text_special", "", 0).content = f"[{found[1]}]"
    state.pos = found.end()
    return True


def _emphasis(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - as above
    """Let stars stand between a punctuation mark and an East Asian word, where CommonMark wants a space."""
    first, start = len(state.delimiters), state.pos
    if not emphasis.tokenize(state, silent):
        return False
    before, after = state.src[max(0, start - 1) : start], state.src[state.pos : state.pos + 1]
    if before.strip() and after.strip():
        for delimiter in state.delimiters[first:]:
            if delimiter.marker == _STAR:
                delimiter.open = delimiter.open or bool(_EAST_ASIAN.match(before))
                delimiter.close = delimiter.close or bool(_EAST_ASIAN.match(after))
    return True


def _spoiler(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - as above
    """Note a pair of bars that may begin or end a spoiler."""
    if silent or not state.src.startswith("||", state.pos):
        return False
    # Not within a word: `a||b` is code that was not marked as such.
    bars = state.scanDelims(state.pos, canSplitWord=False)
    state.push("text", "", 0).content = "|" * bars.length
    state.pos += bars.length
    if bars.length == len("||"):
        token = len(state.tokens) - 1
        state.delimiters.append(Delimiter(_SPOILER, 0, token, -1, bars.can_open, bars.can_close))
    return True


def _spoiler_pairs(state: StateInline) -> None:
    """Turn the bars that found each other into a spoiler."""
    nested = [meta["delimiters"] for meta in state.tokens_meta if meta and "delimiters" in meta]
    for delimiters in (state.delimiters, *nested):
        for opener in delimiters:
            if opener.marker != _SPOILER or opener.end < 0:
                continue
            first, last = state.tokens[opener.token], state.tokens[delimiters[opener.end].token]
            first.type, first.nesting, first.content = "spoiler_open", 1, ""
            last.type, last.nesting, last.content = "spoiler_close", -1, ""
