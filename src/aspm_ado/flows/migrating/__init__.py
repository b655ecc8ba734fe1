"""From one token of all organizations to one token for each, within the same connection."""
