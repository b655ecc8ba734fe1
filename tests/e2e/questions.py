"""What ``connect`` asks, as it stands on the terminal, and the answers of a run that goes well."""

from __future__ import annotations

from .terminal import ENTER, UP, pasted

WHERE = "Organization or server (its name, or any address in it)"
PURPOSE = "What will Invicti ASPM use this connection for? (arrows"
CREATED = "Have you created the token? (arrows"
TOKEN = "Personal access token:"
EXPIRES = "When does the token end"
REACH = "Which token shall it be? (arrows"
NEXT = "What now? (arrows"
MORE = "The token reaches more. Which of them shall be connected too? (arrows"
ANOTHER = "Connect another organization, with a token of its own? (y/N)"
ASPM = "Address of your Invicti ASPM"
ASPM_TOKEN = "API token of Invicti ASPM"
LEADS = "What may team leads do in Invicti ASPM? (arrows"
GO = "Store and hand off? (Y/n)"
STORE = "Store? (Y/n)"
HAND = "Hand off? (Y/n)"
ENTERED = "When you have entered it: (arrows"
COLLECTION = "Collection ["


def answers(token: str, **other: str) -> dict[str, str]:
    """To every question of a run that goes well."""
    return {
        WHERE: f"contoso{ENTER}",
        PURPOSE: ENTER,
        CREATED: ENTER,
        TOKEN: pasted(token) + ENTER,
        EXPIRES: ENTER,
        MORE: ENTER,
        ANOTHER: "n",
        ASPM: f"aspm.example.test{ENTER}",
        ASPM_TOKEN: ENTER,
        LEADS: ENTER,
        GO: ENTER,
        STORE: ENTER,
        HAND: ENTER,
        ENTERED: UP + ENTER,
        **other,
    }
