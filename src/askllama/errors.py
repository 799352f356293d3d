"""Everything that can go wrong, as one tree; the command line catches its root.

AskllamaError
├── UsageError       the request cannot be understood or carried out as given
│   ├── ConfigError      a settings or models file is wrong
│   └── CorpusError      there is nothing readable where documents should be
├── DocumentError    one file cannot be read as text; indexing goes on without it
│   └── DocumentUnavailable  it cannot be opened this time
├── StoreError       the index cannot be used as it is
│   └── EncoderMismatch  the index was made with another encoder
└── ModelError       a model's weights are missing, damaged or not supported
"""

from __future__ import annotations


class AskllamaError(Exception):
    """An error with a cause for the user and, in ``hint``, the next command to try."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(AskllamaError):
    """The request cannot be understood or carried out as given."""


class ConfigError(UsageError):
    """A settings or models file is wrong."""


class CorpusError(UsageError):
    """There is nothing readable where documents should be."""


class DocumentError(AskllamaError):
    """One file cannot be read as text."""


class DocumentUnavailable(DocumentError):
    """One file cannot be opened this time; it is tried again at the next."""


class StoreError(AskllamaError):
    """The index cannot be used as it is."""


class EncoderMismatch(StoreError):
    """The index was made with another encoder."""


class ModelError(AskllamaError):
    """A model's weights are missing, damaged or not supported."""
