"""How you ask: commands, options, variables, and the wiring of everything below."""
