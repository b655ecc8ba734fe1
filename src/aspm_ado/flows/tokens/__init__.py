"""Where tokens come from: sources, prompts, creation; and their revocation."""
