"""How fast it is, as ratios measured side by side: ``python tests/benchmark``. The suite itself looks at no clock."""
