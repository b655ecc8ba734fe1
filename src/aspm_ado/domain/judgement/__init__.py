"""From answers to checks: pure, and an answer for every answer. Source of the tables: facts, decision tables."""
