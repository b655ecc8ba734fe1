"""Texts that help a person: the guide, requests to administrators, tickets."""
