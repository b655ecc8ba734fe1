"""The options of a run: flag, variable, record or person."""
