"""How the reader is made: examples -> features -> train -> export -> evaluate."""
