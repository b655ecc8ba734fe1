"""The person at the terminal: what is said and what is asked; the only user of questionary."""
