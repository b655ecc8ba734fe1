"""Connects Azure DevOps to Invicti ASPM: gets the access token right, proves it, keeps it safe."""

__version__ = "0.1.0"
