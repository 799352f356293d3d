"""The measuring stick: question sets -> outcomes -> figures with intervals -> table, JSON and curves."""
