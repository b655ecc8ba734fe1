"""From answers to checks: pure, and a verdict for every answer."""
