"""Commands with a module of their own; ``askllama.cli`` imports each when it is called."""
