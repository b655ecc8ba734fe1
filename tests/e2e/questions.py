"""What ``connect`` asks, as it stands on the terminal, and the answers of a run that goes well."""

from __future__ import annotations

from .terminal import ENTER, UP, pasted

WHERE = "Organization or server (name or any URL in it)"
PURPOSE = "What will Invicti ASPM use this connection for? (arrows"
TOKEN = "Personal access token:"
ELSE = "What do you want to do? (arrows"
EXPIRES = "When does the token expire"
NEXT = "What now? (arrows"
MORE = "The token reaches more. Which of them do you want to connect too? (arrows"
WHICH = "Organization (name or any URL in it)"
ASPM = "Address of your Invicti ASPM"
ASPM_TOKEN = "API token of Invicti ASPM"
LEADS = "What may team leads do in Invicti ASPM? (arrows"
GO = "Store and start the handoff? (arrows"
STORE = "Store? (arrows"
HAND = "Start the handoff? (arrows"
CHANGE = "Which answer do you want to change? (arrows"
ENTERED = "When you have entered it: (arrows"
COLLECTION = "Collection ["


def answers(token: str, **other: str) -> dict[str, str]:
    """To every question of a run that goes well."""
    return {
        WHERE: f"contoso{ENTER}",
        TOKEN: pasted(token) + ENTER,
        EXPIRES: ENTER,
        ASPM: f"aspm.example.test{ENTER}",
        ASPM_TOKEN: ENTER,
        GO: ENTER,
        STORE: ENTER,
        HAND: ENTER,
        ENTERED: UP + ENTER,
        **other,
    }
