"""What we touch: one outside thing to a file."""
