"""The Invicti ASPM with a person beside it: its token is asked for, and proven again until it is good or given up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm import Dialect, where_tokens_are_made
from aspm_ado.domain.checks import Status
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.judgement.aspm import aspm_skipped
from aspm_ado.domain.origin import Origin
from aspm_ado.domain.questions import ASPM_URL, Choice, Question
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.token import Secret, parse_secret
from aspm_ado.flows.handing.aspm import AspmProof, aspm_token, prove_aspm
from aspm_ado.flows.proving.candidate import AUTO
from aspm_ado.flows.taking.intake import Taken
from aspm_ado.flows.taking.options import parse_aspm_url

if TYPE_CHECKING:
    from aspm_ado.flows.house import House
    from aspm_ado.flows.taking.options import AspmOptions

TOKEN: Final = Question(
    "aspm-token", "API token of Invicti ASPM", "--aspm-token-file FILE", "INVICTI_ASPM_TOKEN"
)
OFFERED: Final = replace(TOKEN, prompt="API token of Invicti ASPM (Enter: go on without)")
NEXT: Final = Question("aspm-next", "What now")
AGAIN: Final = Choice("again", "Ask Invicti ASPM again")
ADDRESS: Final = Choice("address", "Correct the address")
OTHER: Final = Choice("other", "Give another API token")
WITHOUT: Final = Choice("without", "Go on without an API token", "a guided hand-off needs none")
FINISH: Final = Choice("finish", "Finish later")
NO_TEAM_LEADS: Final = (
    "This is Invicti AppSec Core, which has no team-lead integrations: those settings are left out."
)


def ask_aspm_token(house: House, url: str, dialect: Dialect | None = None) -> Taken:
    """The token from a person, hidden; where it goes and where it is made are said above the prompt."""
    context = (f"It will be sent to {Origin.of(url).host} only.", where_tokens_are_made(dialect))
    secret = house.asker.prompter.secret(TOKEN, context, accept=_parse)
    return Taken(secret, "prompt")


def offer_aspm_token(house: House, url: str) -> Taken | None:
    """The token from a person, or ``None`` after Enter alone: a guided hand-off needs none."""
    context = (
        "Not needed to hand the values over; with it, Invicti ASPM is proven, too.",
        f"It will be sent to {Origin.of(url).host} only.",
        where_tokens_are_made(None),
    )
    secret = house.asker.prompter.secret(
        OFFERED, context, accept=lambda typed: _parse(typed) if typed.strip() else None
    )
    return Taken(secret, "prompt") if secret is not None else None


def missing_aspm_token() -> UsageError:
    """What to say when a registration needs the token and nobody can be asked."""
    return UsageError(
        Reason.INPUT_MISSING,
        "An API token of Invicti ASPM is needed, and there is nobody to ask.",
        remedy=f"{TOKEN.how} {where_tokens_are_made(None)}",
    )


def settle_aspm(
    house: House,
    url: str,
    given: Taken | None,
    *,
    wished: str = AUTO,
    hint: str = AUTO,
    needs_token: bool = False,
    offers: bool = False,
    ca_bundle: str | None = None,
    new_only: bool = False,
    may_move: bool = False,
) -> AspmProof:
    """Prove the ASPM; on a terminal until it is good, or the person goes on otherwise. Without a token: three skips.

    ``offers``: a person may give a token that is not needed. ``new_only``: a stored token will not do. ``may_move``: a
    person may correct the address.
    """
    token = given if new_only else aspm_token(house, url, given)
    if token is None and needs_token:
        if not house.asker.asks:
            raise missing_aspm_token()
        token = ask_aspm_token(house, url, Dialect(wished) if wished != AUTO else None)
    elif token is None and offers:
        token = offer_aspm_token(house, url)
    if token is None:
        return AspmProof(url, aspm_skipped(), wished=hint if wished == AUTO else wished)
    proof = house.crew.run(prove_aspm(url, token, wished, hint, ca_bundle))
    while house.asker.asks and not proof.is_good:
        for check in proof.checks:
            if check.exit_code is not ExitCode.DONE:
                house.voice.warn(f"{check.detail} {check.remedy or ''}")
        lost = may_move and proof.checks[0].status is not Status.PASS
        choices = [
            *([ADDRESS] if lost else []),
            OTHER,
            AGAIN,
            *([] if needs_token else [WITHOUT]),
            FINISH,
        ]
        answer = house.asker.prompter.choose(NEXT, choices, choices[0].value)
        if answer == FINISH.value:
            break
        if answer == WITHOUT.value:
            return replace(proof, checks=aspm_skipped(), token=None, door=None)
        if answer == ADDRESS.value:
            url = parse_aspm_url(house.asker.prompter.text(ASPM_URL, url, accept=parse_aspm_url))
            token = aspm_token(house, url, given) or (
                ask_aspm_token if needs_token else offer_aspm_token
            )(house, url)
            if token is None:
                return AspmProof(url, aspm_skipped(), wished=proof.wished)
        if answer == OTHER.value:
            token = ask_aspm_token(house, url, proof.door.dialect if proof.door else None)
        proof = house.crew.run(prove_aspm(url, token, wished, hint, ca_bundle))
    return proof


def as_found(house: House, options: AspmOptions, aspm: AspmProof | None) -> AspmOptions:
    """With the address and the dialect that were found. AppSec Core has no team-lead settings, so none are asked or set
    there.
    """
    if aspm is None:
        return options
    options = replace(options, url=aspm.url)
    if aspm.api == options.api:
        return options
    if aspm.api == Dialect.CORE.value and options.toggles:
        house.voice.warn(NO_TEAM_LEADS)
        options = replace(options, toggles=None)
    return replace(options, api=aspm.api)


def _parse(text: str) -> Secret:
    return parse_secret(text, "the prompt", "API token of Invicti ASPM")
