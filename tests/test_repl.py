"""Whole transcripts of the interactive session, over a library that knows its lines."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from askllama import documents, repl
from askllama.answering import Listener, Preview
from askllama.config import ModelSpec, Settings
from askllama.errors import CorpusError, ModelError
from askllama.index.store import Counts
from askllama.library import Library, Report, Status
from askllama.render import Style
from askllama.repl import run
from askllama.types import Answer, Citation, Found, Hit, Passage, Refusal

TEXT = "".join(f"Line {n}.\n" for n in range(1, 9)) + "Mistral AI made Mixtral\x1b in 2023.\nThe end.\n"
SPAN = "Mistral AI"
QUOTE = "Mistral AI made Mixtral\x1b in 2023."
SPEC = ModelSpec("tiny", "t.gguf", "Q4", 1, 1, 1, 1024, "MIT", True, "2024", "llama", "chatml", "tests", "r")


def _silent(*_: object) -> None:
    pass


@dataclass
class Log:
    """What the libraries of one test were asked to do."""

    asked: list[str] = field(default_factory=list)
    open: list[FakeLibrary] = field(default_factory=list)
    syncs: int = 0
    handed_over: int = 0


class FakeLibrary:
    """Answers with one quote where the question holds "who", with a sentence where it holds "whose".

    Breaks off at "slow", fails at "broken"; else refuses.
    """

    log: Log

    def __init__(self, settings: Settings) -> None:
        self.notify: Callable[[str], None] = _silent
        self.settings = settings
        self.log.open.append(self)

    @classmethod
    def open(cls, settings: Settings, notify: Callable[[str], None] = _silent) -> FakeLibrary:
        return cls(settings)

    def close(self) -> None:
        if self in self.log.open:
            self.log.open.remove(self)

    def reopen(self, **changes: Any) -> FakeLibrary:
        return FakeLibrary(replace(self.settings, **changes))

    def hand_over_generator(self, library: FakeLibrary) -> None:
        self.log.handed_over += library.settings.model == self.settings.model

    @property
    def generator(self) -> object:
        if self.settings.model not in (None, *self.settings.models):
            raise ModelError(f"no model is called {self.settings.model!r}", "askllama models")
        return None

    def sync(self, progress: Callable[[int, int], None] = _silent) -> Report:
        self.log.syncs += 1
        if not self.settings.corpus[0].exists():
            raise CorpusError(f"no such file or folder: {self.settings.corpus[0]}", "a folder that exists")
        progress(1, 1)
        return Report()

    def status(self) -> Status:
        return Status(self.settings.corpus, self.settings.data, Counts(1, 1, None), None, {})

    def find(self, question: str, count: int) -> Found:
        passage = Passage(str(self._file), "Notes", ("2023",), QUOTE, 64, 64 + len(QUOTE), 9, 9)
        hits = [Hit(passage, 1, 0.5, 0.25, None)][:count] if "Mixtral" in question else []
        return Found(question, hits, {})

    def rewrite(self, question: str) -> Iterator[str]:
        return iter(())

    def ask(
        self,
        question: str,
        listener: Listener | None = None,
        preview: Preview | None = None,
        follow_up: bool = False,
    ) -> Answer:
        self.log.asked.append(question)
        if "broken" in question:
            raise ModelError("the reader is \x1bdamaged", "askllama doctor")
        if listener:
            listener("Mistral ")
        if "slow" in question:
            raise KeyboardInterrupt
        if "who" not in question:
            return Answer(question, "", (), 0.1, refusal=Refusal(("Falcon",), ()))
        if "whose" in question:
            said = "Ann Lee says Mistral AI made it. [1]"
            return Answer(question, said, (self._citation(),), 0.9, highlight=(13, 13 + len(SPAN)))
        return Answer(question, f"{SPAN} [1]", (self._citation(),), 0.9)

    @property
    def _file(self) -> Path:
        return self.settings.corpus[0] / "notes.md"

    def _citation(self) -> Citation:
        start = TEXT.index(QUOTE)
        sha256 = documents.hash_bytes(TEXT.encode())
        return Citation(
            1, str(self._file), "Notes", None, 9, 9, start, start + len(QUOTE), QUOTE, sha256, (0, len(SPAN))
        )


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeLibrary:
    for name in ("docs", "more docs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "notes.md").write_bytes(TEXT.encode())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(FakeLibrary, "log", Log(), raising=False)
    data, cache = tmp_path / "data", tmp_path / "cache"
    return FakeLibrary(Settings((tmp_path / "docs",), data, cache, models={"tiny": SPEC}))


class Transcript:
    """Feeds lines to a session through a pipe and keeps what it wrote."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self._folder = str(folder)

    def __call__(self, library: FakeLibrary, *lines: str, colour: bool = False) -> tuple[str, str]:
        """What the lines make of stdout and stderr, which has the greeting cut off."""
        stdin = io.TextIOWrapper(io.BytesIO("\n".join(lines).encode("utf-8", "surrogateescape")))
        self._monkeypatch.setattr(sys, "stdin", stdin)
        run(cast("Library", library), Style(colour, self._folder))
        out, err = self._capsys.readouterr()
        greeting, _, err = err.replace("\r\x1b[K", "").partition("\n")
        assert (
            greeting == f"askllama over {library.settings.corpus[0].name} (1 documents). Ask a question, or type /help."
        )
        return out, err


@pytest.fixture
def transcript(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Transcript:
    return Transcript(monkeypatch, capsys, tmp_path)


ANSWER = "Mistral AI [1]\n\n  [1] docs/notes.md:9  “Mistral AI made Mixtral␛ in 2023.”\n"
REFUSAL = "The documents do not answer this.\n  Nowhere in them: Falcon\n"


def test_follow_up_is_asked_in_full(library: FakeLibrary, transcript: Transcript) -> None:
    out, err = transcript(library, "when did Mixtral launch?", "", "   ", "and who made it?")
    assert (out, err) == (REFUSAL + ANSWER, "(asking: who made Mixtral?)\n")
    assert library.log.asked == ["when did Mixtral launch?", "who made Mixtral?"]


def test_a_follow_up_takes_the_words_that_answered(library: FakeLibrary, transcript: Transcript) -> None:
    transcript(library, "who made Mixtral, and whose is it?", "what else did they make?")
    assert library.log.asked[-1] == "what else did Mistral AI make?"


def test_index_is_synced_before_each_question(library: FakeLibrary, transcript: Transcript) -> None:
    transcript(library, "who?", "who?", "/help")
    assert library.log.syncs == 2


def test_library_is_closed_at_the_end(library: FakeLibrary, transcript: Transcript) -> None:
    transcript(library)
    assert library.log.open == []


@pytest.mark.parametrize("command", ["/quit", "/exit"])
def test_quit_leaves(library: FakeLibrary, transcript: Transcript, command: str) -> None:
    assert transcript(library, command, "who made Mixtral?") == ("", "")


def test_reset_forgets_the_conversation(library: FakeLibrary, transcript: Transcript) -> None:
    transcript(library, "who made Mixtral?", "/reset", "and who made it?")
    assert library.log.asked == ["who made Mixtral?", "and who made it?"]


def test_unknown_command_names_help(library: FakeLibrary, transcript: Transcript) -> None:
    assert transcript(library, "/frobnicate now") == ("", "askllama: /frobnicate is no command\n  try: /help\n")


def test_help_lists_every_command(library: FakeLibrary, transcript: Transcript) -> None:
    out, err = transcript(library, "/help")
    assert re.findall(r"^  (/\w+)", out, re.MULTILINE) == [
        "/help", "/sources", "/open", "/model", "/corpus", "/search", "/reset", "/quit", "/exit",
    ]  # fmt: skip
    assert err == ""


def test_error_in_a_question_does_not_end_the_session(library: FakeLibrary, transcript: Transcript) -> None:
    out, err = transcript(library, "is it broken?", "who made Mixtral?")
    assert (out, err) == (ANSWER, "askllama: the reader is ␛damaged\n  try: askllama doctor\n")


def test_interrupted_answer_does_not_end_the_session(library: FakeLibrary, transcript: Transcript) -> None:
    assert transcript(library, "is this slow?", "who made Mixtral?") == (ANSWER, "stopped\n")


def test_draft_of_a_generator_goes_to_the_terminal_alone(
    library: FakeLibrary, transcript: Transcript, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.settings = replace(library.settings, model="tiny")
    assert transcript(library, "is this slow?", "who made Mixtral?") == (ANSWER, "stopped\n")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    out, err = transcript(library, "is this slow?", "who made Mixtral?")
    assert out == ANSWER
    assert err == "Mistral \n\nstopped\nMistral \n\n"


def test_bytes_that_are_no_characters(library: FakeLibrary, transcript: Transcript) -> None:
    transcript(library, "who made \udcff?")
    assert library.log.asked == ["who made �?"]


def test_sources_in_full(library: FakeLibrary, transcript: Transcript) -> None:
    out, err = transcript(library, "who made Mixtral?", "/sources")
    assert out == ANSWER + (
        "[1] Notes\n"
        "    docs/notes.md, lines 9-9, characters 64-97\n"
        "    “Mistral AI made Mixtral␛ in 2023.”\n"
    )  # fmt: skip
    assert err == ""


def test_sources_without_an_answer(library: FakeLibrary, transcript: Transcript) -> None:
    out, err = transcript(library, "/sources", "when did Falcon launch?", "/sources")
    assert out == REFUSAL
    assert err == (
        "askllama: nothing has been answered yet\n  try: ask a question first\n"
        "askllama: the last answer cites nothing\n"
    )


AROUND = (
    "docs/notes.md:9\n"
    + "".join(f"      {n}  Line {n}.\n" for n in range(3, 9))
    + ">     9  Mistral AI made Mixtral␛ in 2023.\n     10  The end.\n     11\n"
)


def test_open_shows_the_lines_around_a_quote(library: FakeLibrary, transcript: Transcript) -> None:
    assert transcript(library, "who made Mixtral?", "/open 1") == (ANSWER + AROUND, "")


def test_open_emphasises_the_quote(
    library: FakeLibrary, transcript: Transcript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    out, _ = transcript(library, "who made Mixtral?", "/open 1", colour=True)
    assert ">     9  \x1b[1mMistral AI made Mixtral␛ in 2023.\x1b[0m\n     10  The end.\n" in out


def test_open_with_a_wrong_number(library: FakeLibrary, transcript: Transcript) -> None:
    out, err = transcript(library, "who made Mixtral?", "/open 7")
    assert (out, err) == (ANSWER, "askllama: no citation has the number '7'\n  try: /open 1\n")


def test_open_of_a_changed_file(library: FakeLibrary, transcript: Transcript, tmp_path: Path) -> None:
    (tmp_path / "docs" / "notes.md").write_bytes(TEXT.replace("\n", "\r\n").encode())
    out, err = transcript(library, "who made Mixtral?", "/open 1")
    assert out == ANSWER + AROUND
    assert err == "The file has changed since it was quoted: the marked words may be others.\n"


def test_open_of_a_lost_file(library: FakeLibrary, transcript: Transcript, tmp_path: Path) -> None:
    file = tmp_path / "docs" / "notes.md"
    file.unlink()
    out, err = transcript(library, "who made Mixtral?", "/open 1")
    assert (out, err) == (ANSWER, f"askllama: {file}: No such file or directory\n")


def test_model_is_shown_and_changed(library: FakeLibrary, transcript: Transcript) -> None:
    out, err = transcript(library, "/model", "/model tiny", "/model", "/model none", "/model")
    none = "none: answers are the documents' own words\n"
    assert (out, err) == (f"{none}tiny\n{none}", "model: tiny\nmodel: none\n")
    assert library.log.open == []


def test_bad_model_keeps_the_old_one(library: FakeLibrary, transcript: Transcript) -> None:
    out, err = transcript(library, "/model tiny", "/model huge", "/model")
    assert out == "tiny\n"
    assert err == "model: tiny\naskllama: no model is called 'huge'\n  try: askllama models\n"
    assert library.log.open == []


def test_corpus_is_shown_and_changed(library: FakeLibrary, transcript: Transcript) -> None:
    more = ("/corpus more docs", "/corpus 'more docs' docs")
    out, err = transcript(library, "/corpus", *more, "/corpus", "who made Mixtral?")
    assert out == "docs (1 documents)\nmore docs, docs (1 documents)\n" + ANSWER.replace("docs/", "more docs/")
    assert err == "corpus: more docs (1 documents)\ncorpus: more docs, docs (1 documents)\n"
    assert library.log.open == []


def test_bad_corpus_keeps_the_old_one(library: FakeLibrary, transcript: Transcript, tmp_path: Path) -> None:
    out, err = transcript(library, "/corpus nowhere", "/corpus 'docs", "/corpus")
    assert out == "docs (1 documents)\n"
    assert err == (
        f"askllama: no such file or folder: {tmp_path / 'nowhere'}\n  try: a folder that exists\n"
        "askllama: 'docs: No closing quotation\n  try: /corpus PATH...\n"
    )
    assert library.log.open == []


def test_search_shows_hits(library: FakeLibrary, transcript: Transcript) -> None:
    out, err = transcript(library, "/search Mixtral", "/search Falcon", "/search")
    assert out == (
        " 1. docs/notes.md:9  Notes > 2023\n"
        "    score 0.5000  similarity 0.250  bm25 –\n"
        "    Mistral AI made Mixtral␛ in 2023.\n"
    )
    assert err == "nothing found\naskllama: nothing to search for\n  try: /search WORDS\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[PipeInput]:
    """A terminal to type into; what the prompt draws goes nowhere."""
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("prompt_toolkit.output.create_output", lambda **_: DummyOutput())
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        yield keys


def type_into(library: FakeLibrary, keyboard: PipeInput, keys: str) -> None:
    keyboard.send_text(keys)
    run(cast("Library", library), Style(False, ""))


def test_interrupt_clears_the_line(library: FakeLibrary, keyboard: PipeInput) -> None:
    type_into(library, keyboard, "who made a mist\x03who made Mixtral?\r/quit\r")
    assert library.log.asked == ["who made Mixtral?"]


def test_end_of_input_leaves(library: FakeLibrary, keyboard: PipeInput) -> None:
    type_into(library, keyboard, "\x04")
    assert library.log.open == []


def test_tab_completes_commands_and_models(
    library: FakeLibrary, keyboard: PipeInput, capsys: pytest.CaptureFixture[str]
) -> None:
    type_into(library, keyboard, "/mo\t ti\t\r/mo\t\r/qu\t\r")
    assert capsys.readouterr().out == "tiny\n"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("/", list(repl.COMMANDS)),
        ("/mo", ["/model"]),
        ("/model ", ["tiny", "none"]),
        ("/model t", ["tiny"]),
        ("/corpus more", [" docs"]),
        ("/search Mix", []),
        ("who", []),
        ("model ", []),
    ],
)
def test_completions(library: FakeLibrary, typed: str, offered: list[str]) -> None:
    completer = repl._completer(repl.Session(cast("Library", library), Style(False, "")))
    assert [c.text for c in completer.get_completions(Document(typed), CompleteEvent())] == offered


def test_history_is_kept_for_the_next_session(library: FakeLibrary, keyboard: PipeInput) -> None:
    type_into(library, keyboard, "who made Mixtral?\r/quit\r")
    history = repl._history(library.settings.data / "history")
    assert list(history.load_history_strings()) == ["/quit", "who made Mixtral?"]


def test_unwritable_history_is_kept_in_memory(library: FakeLibrary, keyboard: PipeInput) -> None:
    library.settings.data.write_text("a file where a folder should be")
    type_into(library, keyboard, "who made Mixtral?\r/quit\r")
    assert library.log.asked == ["who made Mixtral?"]
