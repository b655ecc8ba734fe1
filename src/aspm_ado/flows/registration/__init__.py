"""Registering at Invicti ASPM: its state, by hand, by profile."""
