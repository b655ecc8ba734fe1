"""To Invicti ASPM: proving it, by a person's hand, by a profile."""
