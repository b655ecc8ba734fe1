"""Our own records on disk: whole, private and locked while they change."""
