"""askllama answers questions from your documents, offline, with the exact words behind every answer."""

__version__ = "0.1.0"
