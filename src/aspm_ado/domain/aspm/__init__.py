"""Invicti ASPM: its API, registration profiles, and what is entered there."""
