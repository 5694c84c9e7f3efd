"""Test benches: each chat with the people on its other side, in the one form that the conformance test speaks to."""

import subprocess
import threading
from abc import ABC, abstractmethod
from pathlib import Path

from tests.anthropic_server import AnthropicServer
from tests.houses import BUTLER, OWNER, SLACK_OWNER, House
from tests.slack_forgeries import Forger
from tests.slack_server import SlackServer
from tests.telegram_server import TelegramServer

STRANGER = 666


class Bench(ABC):
    """One chat, its owner on the other side, and what can happen to both; where nothing can, nothing does."""

    limit = 10**9  # characters of a message
    reads_ahead = True  # what is written during a turn is taken in then

    @abstractmethod
    def open(self, home: Path, claude: AnthropicServer) -> House:
        """Return a house that serves this chat, not started yet."""

    def begin(self, house: House) -> None:
        """Let the owner be there, once the house runs."""
        self.house = house

    @abstractmethod
    def close(self) -> None:
        """End what was opened."""

    @abstractmethod
    def writes(self, text: str) -> None:
        """Let the owner write."""

    @abstractmethod
    def texts(self) -> list[str]:
        """Return the house's messages to the owner as they read now, in their order."""

    @abstractmethod
    def presses(self, label: str) -> None:
        """Let the owner press a button."""

    def shows_typing(self) -> bool:
        """Tell whether it shows now that an answer is on its way."""
        return False

    def shows(self, words: str) -> bool:
        """Tell whether words are before the owner's eyes now, also for a while only."""
        return words in "\n".join(self.texts())

    def delivers_again(self) -> None:
        """Let the vendor deliver the last messages once more."""
        return

    @abstractmethod
    def breaks(self) -> None:
        """Let the connection break, and be there again for who connects."""

    def forges(self, text: str) -> None:
        """Write as everybody who is not to be heard."""
        del text


class TelegramBench(Bench):
    """Telegram, over its strict double."""

    limit = 4096

    def open(self, home: Path, claude: AnthropicServer) -> House:
        """Start the vendor."""
        self.server = TelegramServer().start()
        self.owner = self.server.person(OWNER, "Olga", "olga")
        return House(home, self.server, claude)

    def close(self) -> None:
        """Stop it."""
        refusals = self.server.refusals
        self.server.stop()
        assert [call for call in refusals if "not modified" not in call.description] == []

    def writes(self, text: str) -> None:
        """Write in private."""
        self.owner.writes(text)

    def texts(self) -> list[str]:
        """Return what stands in the chat."""
        return self.owner.sees()

    def shows(self, words: str) -> bool:
        """Look at the draft, too."""
        return super().shows(words) or words in (self.owner.sees_draft() or "")

    def presses(self, label: str) -> None:
        """Press the newest button with these words."""
        self.owner.presses(label)

    def shows_typing(self) -> bool:
        """Tell whether the last sign of typing is younger than the last message."""
        actions, messages = self.server.actions(OWNER), self.server.messages(OWNER)
        return bool(actions) and (not messages or actions[-1].at > messages[-1].sent_at)

    def delivers_again(self) -> None:
        """Deliver the last three updates again."""
        self.server.redeliver(3)

    def breaks(self) -> None:
        """Be away for a moment."""
        self.server.stop()
        self.server.start()

    def forges(self, text: str) -> None:
        """Write as a stranger with the owner's name, as a bot, as an anonymous admin and as a channel."""
        self.server.person(STRANGER, "Olga", "olga").writes(text)
        self.server.person(STRANGER + 1, "Olga", "olga", is_bot=True).writes(text)
        group = self.server.group(-100666, "Home")
        group.anonymous_admin_writes(f"@butler_bot {text}")
        group.channel_writes(f"@butler_bot {text}")
        self.server.channel_posts(text)


class SlackBench(Bench):
    """Slack, over its strict double."""

    limit = 12_000

    def open(self, home: Path, claude: AnthropicServer) -> House:
        """Start the vendor."""
        self.server = SlackServer().start()
        self.owner = self.server.person(SLACK_OWNER, "Olga")
        self.written: list[str] = []
        return House(home, None, claude, self.server)

    def begin(self, house: House) -> None:
        """Wait for the socket: what comes before is found in the history."""
        super().begin(house)
        self.server.wait_until(lambda: self.server.connections() > 0, 20, "the socket")

    def close(self) -> None:
        """Stop it."""
        refusals, errors = self.server.refusals, self.server.protocol_errors
        self.server.stop()
        assert (refusals, errors) == ([], [])

    def writes(self, text: str) -> None:
        """Write a direct message."""
        self.written.append(self.owner.writes(text))

    def texts(self) -> list[str]:
        """Return what stands in the direct messages."""
        return self.owner.sees()

    def presses(self, label: str) -> None:
        """Press the newest button with these words."""
        for message in reversed(self.server.messages(self.owner.dm)):
            if label in [button.label for button in message.buttons]:
                self.owner.presses(message, label)
                return
        raise LookupError(label)

    def shows_typing(self) -> bool:
        """Tell whether a receipt stands on any message."""
        return any(self.owner.reactions(ts) for ts in self.written)

    def delivers_again(self) -> None:
        """Deliver the last three events again."""
        self.server.redeliver(3)

    def breaks(self) -> None:
        """Cut the sockets."""
        self.server.drop_sockets()

    def forges(self, text: str) -> None:
        """Write as a guest and as others' bots, who all have the owner's name."""
        forger = Forger(self.server, self.owner)
        forger.old_bot_writes(text)
        forger.workflow_writes(text)
        self.server.person("U666", "Olga", guest=True).writes(text)
        self.server.person("U667", "Olga", team="T9").writes(text)
        self.server.person("U668", "Olga").writes(text)


class PipeBench(Bench):
    """The terminal, as a pipe beside a house that serves Telegram."""

    reads_ahead = False  # each line is answered before the next is read

    def open(self, home: Path, claude: AnthropicServer) -> House:
        """Start a house for it."""
        self.server = TelegramServer().start()
        self.seen: list[str] = []
        return House(home, self.server, claude)

    def begin(self, house: House) -> None:
        """Open the chat."""
        super().begin(house)
        house.wait_until_ready()
        command = [*BUTLER, "chat"]
        self.process = subprocess.Popen(
            command, env=house.env, cwd=house.home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self.reader.start()

    def close(self) -> None:
        """Leave."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait(20)
        self.reader.join(20)
        self.server.stop()

    def writes(self, text: str) -> None:
        """Type a line."""
        if self.process.stdin is not None:
            self.process.stdin.write(f"{text}\n")
            self.process.stdin.flush()

    def texts(self) -> list[str]:
        """Return the paragraphs that appeared."""
        return [part for part in "".join(self.seen).split("\n\n") if part.strip()]

    def presses(self, label: str) -> None:
        """Type the number before these words."""
        lines = [line for line in "".join(self.seen).splitlines() if line.endswith(f". {label}")]
        self.writes(lines[-1].partition(".")[0].strip())

    def breaks(self) -> None:
        """Kill the window and open another."""
        self.process.kill()
        self.process.wait(20)
        self.reader.join(20)
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.begin(self.house)

    def _read(self, process: "subprocess.Popen[str]") -> None:
        if process.stdout is not None:
            with process.stdout as said:
                for line in said:
                    self.seen.append(line)
