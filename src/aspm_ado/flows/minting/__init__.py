"""Tokens that nobody has to copy: made through `az` and the PAT Lifecycle API, read back, and revoked again."""
