"""The index of one corpus: SQLite as the truth, FAISS derived from it, and what changed on disk."""
