"""From requests to the report on a token."""
