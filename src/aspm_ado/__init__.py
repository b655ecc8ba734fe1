"""Connects Azure DevOps to Invicti ASPM: gets the personal access token right, proves it, keeps it safe."""

__version__ = "0.1.0"
