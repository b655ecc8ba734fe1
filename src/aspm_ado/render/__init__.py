"""How it looks: documents turned into text, nothing else."""
