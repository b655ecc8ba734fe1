"""A new token in the place of an old one: for a connection, an organization or an ASPM."""
