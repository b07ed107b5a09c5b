"""The engine: text in, a checked and frozen application model or a list of problems out."""
