"""What we do: plain functions that are given everything they touch."""
