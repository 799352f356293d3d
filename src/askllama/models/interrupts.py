"""Ctrl-C while a library computes that knows no signals."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """Notes Ctrl-C inside a ``with`` block, and raises it at the end of the block.

    Python carries out a signal's handler between two of its own steps. Where the library calls back now and then (to
    ask whether to stop, or to report), the handler only leaves a note: an exception raised there would be lost.
    """

    def __init__(self) -> None:
        self.noted = False
        self._handler: Any = None

    def __enter__(self) -> Interrupts:
        self.noted = False
        self._handler = signal.getsignal(signal.SIGINT)
        if self._mine():
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._mine():
            signal.signal(signal.SIGINT, self._handler)
        if self.noted:
            self._handler(signal.SIGINT, None)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.noted = True

    def _mine(self) -> bool:
        """Whether there is a handler to stand in for; signals reach the main thread alone."""
        return callable(self._handler) and threading.current_thread() is threading.main_thread()
