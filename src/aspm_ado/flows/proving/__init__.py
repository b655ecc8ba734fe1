"""From calls to what is reported of a token."""
