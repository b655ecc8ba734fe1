"""Taking a token in: whole, or refused by position; and never shown."""

from __future__ import annotations

import base64
import io
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aspm_ado.domain.azure.place import SERVICES
from aspm_ado.domain.http import Call, Credential
from aspm_ado.domain.reasons import Reason, Status, UsageError
from aspm_ado.domain.rules.token import judge_format
from aspm_ado.domain.secret import Secret, decode, holds_token, parse_pat, parse_secret

PAT = "SimulatedNotAToken".ljust(76, "7") + "AZDOWx9Z"
BOM = "\ufeff"


@pytest.mark.parametrize(
    "raw",
    [
        PAT.encode(),
        f"  {PAT}\t \n".encode(),
        f"{PAT}\r\n".encode(),
        f'"{PAT}"'.encode(),
        f"'{PAT}'\n".encode(),
        f"`{PAT}`".encode(),
        f"“{PAT}”".encode(),
        f"‘{PAT}’".encode(),
        f' " {PAT} " '.encode(),
        f":{PAT}".encode(),
        f"<{PAT}>".encode(),
        f"{PAT}\u00a0".encode(),
        f'":{PAT}"'.encode(),
        f"{BOM}{PAT}\n".encode(),
        f"{BOM}{PAT}\r\n".encode("utf-16-le"),
        f"{BOM}{PAT}\r\n".encode("utf-16-be"),
        f"{PAT}\r\n".encode("utf-16-le"),
        f"{PAT}\r\n".encode("utf-16-be"),
    ],
)
def test_what_is_around_a_token_is_taken_off(raw: bytes) -> None:
    assert parse_pat(decode(raw), "file token.txt").reveal() == PAT


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("pasted", "taken_from"),
    [
        ("me:{}", "USER:TOKEN"),
        ("me@example.test:{}", "USER:TOKEN"),
        ("ADO_PAT={}", "NAME=TOKEN"),
        ("export ADO_PAT='{}'", "NAME=TOKEN"),
        ('$env:ADO_PAT = "{}"', "NAME=TOKEN"),
        ("set ADO_PAT={}", "NAME=TOKEN"),
    ],
)
def test_a_token_is_taken_out_of_what_is_plain_and_that_is_said(
    pasted: str, taken_from: str, legacy: bool
) -> None:
    token = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst" if legacy else PAT
    secret = parse_pat(pasted.format(token), "stdin")
    assert (secret.reveal(), secret.taken_from) == (token, taken_from)
    check = judge_format(secret)
    assert (check.status, taken_from in check.detail) == (Status.WARN, True)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("pasted", "says"),
    [
        (encoded(f":{PAT}"), "base64"),
        (encoded(f"user:{PAT}"), "base64"),
        (encoded(f"user:{PAT}").rstrip("="), "base64"),
        (encoded(PAT), "base64"),
        (f"Basic {encoded(f':{PAT}')}", "base64"),
        (f"Authorization: Basic {encoded(f':{PAT}')}", "base64"),
        (PAT + PAT, "twice"),
        (f"https://me:{PAT}@dev.azure.com/contoso", "URL"),
        (f"https://{PAT}@dev.azure.com/contoso/p/_git/r", "URL"),
        (PAT[:80], "80 of the 84"),
        (("A" * 52 + "JQQJ99" + "B" * 30)[:70], "70 of the 84"),
    ],
)
def test_what_is_pasted_in_place_of_a_token_is_named_and_not_shown(pasted: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        parse_pat(pasted, "stdin")
    assert caught.value.reason is Reason.TOKEN_MALFORMED
    assert pasted[:20] not in caught.value.problem + caught.value.remedy


@pytest.mark.parametrize("odd", ["x" * 84, "7" * 80, "A1b2" * 30, PAT[:-1] + "_", "short"])
def test_a_format_that_is_not_known_is_no_reason_to_refuse(odd: str) -> None:
    assert parse_pat(odd, "stdin").reveal() == odd


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Reason.TOKEN_EMPTY),
        (b" \r\n\t", Reason.TOKEN_EMPTY),
        (b'""', Reason.TOKEN_EMPTY),
        (b"''", Reason.TOKEN_EMPTY),
        (b"' '", Reason.TOKEN_EMPTY),
        (b"\xef\xbb\xbf", Reason.TOKEN_EMPTY),
        (b"\xff\xfe", Reason.TOKEN_EMPTY),
        (b"\xef\xbb\xbf\r\n", Reason.TOKEN_EMPTY),
        (b":", Reason.TOKEN_EMPTY),
        (b'":"', Reason.TOKEN_EMPTY),
        (b"$(ADO_PAT)", Reason.VARIABLE_NOT_EXPANDED),
        (b"'$(ADO_PAT)'\n", Reason.VARIABLE_NOT_EXPANDED),
        (b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", Reason.TOKEN_IS_ENTRA),
        (b'"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"', Reason.TOKEN_IS_ENTRA),
        (b":eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", Reason.TOKEN_IS_ENTRA),
        (b"\x80\x81\x82", Reason.TOKEN_MALFORMED),
        (b"\xff\xfe\x00", Reason.TOKEN_MALFORMED),
        (PAT.encode() + b"\n" + PAT.encode(), Reason.TOKEN_MALFORMED),
        ("пароль".encode(), Reason.TOKEN_MALFORMED),
    ],
)
def test_what_is_no_token_is_refused_with_the_reason(raw: bytes, reason: Reason) -> None:
    with pytest.raises(UsageError) as caught:
        parse_pat(decode(raw), "file token.txt")
    assert caught.value.reason is reason
    assert caught.value.remedy
    assert caught.value.exit_code == 2


def test_a_token_that_merely_begins_like_an_entra_token_is_one() -> None:
    value = "eyJ" + PAT[3:]
    assert parse_pat(value, "stdin").reveal() == value


@pytest.mark.parametrize(
    ("text", "recognized"),
    [
        ("Bearer {}", "behind “Bearer”"),
        ("authorization: bearer {}", "behind “Bearer”"),
        ("Basic {}", "behind “Basic”"),
        ("[ {} ]", "in brackets"),
        ("({})", "in brackets"),
        ("{}\n{}", "more than one token"),
        ("{} {}", "more than one token"),
        ("{}\nexpires 2027-01-01", "further lines"),
        ("# from the page\r\n{}", "further lines"),
        ("my token is {}", "other text around it"),
        ("{} (contoso)", "other text around it"),
        ("https://{}@dev.azure.com/contoso", "a URL"),
    ],
)
@pytest.mark.parametrize("token", [PAT, "simulatednotatoken".ljust(52, "7")])
def test_what_stands_around_a_token_is_named(text: str, recognized: str, token: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_pat(text.format(token, token), "stdin")
    assert caught.value.reason is Reason.TOKEN_MALFORMED
    assert recognized in caught.value.problem
    assert token[:12] not in caught.value.problem


@pytest.mark.parametrize("cut", [PAT[:80], PAT[:83], PAT[4:], PAT[30:]])
def test_a_token_that_was_cut_is_named(cut: str) -> None:
    with pytest.raises(UsageError, match=f"only {len(cut)} of the 84"):
        parse_pat(cut, "stdin")


WHOLE = "SimulatedNotAToken".ljust(52, "7") + "JQQJ99BJAC" + "A" * 13 + "SAZDOWx9Z"


@pytest.mark.parametrize(
    "text",
    [
        *(one for token in (PAT, WHOLE) for one in (token, token[:80], token[4:], token[:83])),
        WHOLE[:60],
        "simulatednotatoken".ljust(50, "7"),
        PAT[:30] + " " + PAT[30:],
        PAT[:30] + "\u200b" + PAT[30:],
        "".join(f"%{ord(one):02X}" for one in PAT),
        base64.b64encode(f"ada:{PAT}".encode()).decode(),
        "https://" + base64.b64encode(f":{PAT}".encode()).decode() + "@dev.azure.com/c/p/_git/r",
        "/tmp/" + base64.b64encode(f"me:{PAT}".encode()).decode() + "/x",
    ],
)  # fmt: skip
def test_a_token_or_most_of_one_is_found_where_a_name_is_meant(text: str) -> None:
    assert holds_token(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://dev.azure.com/contoso/My%20Project/_git/web?version=GC" + "0a" * 20,
        "/run/secrets/" + "0123456789abcdef" * 4,
        "/nix/store/" + "z7" * 16 + "-token/lib/python3.11/site-packages/aspm_ado",
        "C:\\Users\\Ada\\AppData\\Local\\Temp\\token.txt",
        "/home/ada/.config/aspm-ado/tokens/contoso-production-read-write-2026.txt",
        "A very long name of a collection with Words 2026 in it and more Words",
        "averylongnameofanorganizationthathasonlyletters",
        "00000000-0000-4000-8000-000000000000",
    ],
)
def test_a_long_name_is_no_token(text: str) -> None:
    assert not holds_token(text)


def test_a_text_of_any_length_is_looked_through_once() -> None:
    """With a repeat that is open at its start, this took minutes."""
    assert not holds_token("a" * 400_000)


OUTSIDE = "\x00\x01\x07\x08\x1b\x7f\x80\x9b\u00ad\u061c\u200b\u200e\u202e\u2060"
INSIDE = OUTSIDE + "\t\n\x0b\x0c\r\x1c\x1f \x85\xa0\u2028\u2029\ufeff"


@pytest.mark.parametrize("character", INSIDE)
@pytest.mark.parametrize("at", [1, 40, 83])
def test_inside_it_is_refused_by_its_position(character: str, at: int) -> None:
    with pytest.raises(UsageError) as caught:
        parse_pat(PAT[:at] + character + PAT[at:], "ASPM_ADO_PAT")
    assert caught.value.reason is Reason.TOKEN_MALFORMED
    assert f"position {at + 1} of 85" in caught.value.problem
    assert "ASPM_ADO_PAT" in caught.value.problem


@pytest.mark.parametrize("character", OUTSIDE)
@pytest.mark.parametrize(("before", "after", "position"), [(1, 0, 1), (0, 1, 85)])
def test_at_its_ends_it_is_refused_by_its_position(
    character: str, before: int, after: int, position: int
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_pat(character * before + PAT + character * after, "stdin")
    assert f"position {position} of 85" in caught.value.problem


@given(st.integers(0, 84), st.characters(exclude_characters=[chr(c) for c in range(0x21, 0x7F)]))
def test_whatever_it_is_the_message_holds_no_piece_of_the_token(at: int, character: str) -> None:
    try:
        taken = parse_pat(PAT[:at] + character + PAT[at:], "stdin")
    except UsageError as error:
        said = f"{error.problem} {error.remedy} {error!r}"
        assert not any(PAT[i : i + 6] in said for i in range(79) if len(set(PAT[i : i + 6])) > 1)
        assert all(c.isprintable() for c in said)
    else:
        assert at in (0, 84)
        assert taken.reveal() == PAT


@given(st.binary(max_size=200))
def test_any_file_is_a_token_or_a_refusal(raw: bytes) -> None:
    try:
        value = parse_pat(decode(raw), "file x").reveal()
    except UsageError:
        return
    assert all("!" <= character <= "~" for character in value)


def test_a_secret_is_never_shown() -> None:
    secret = Secret(PAT)
    credential = Credential(secret, SERVICES.origins, "ada")
    call = Call("GET", "https://dev.azure.com/contoso", credential)
    for shown in (
        secret,
        [secret],
        {"token": secret},
        credential,
        call,
        f"{secret}",
        f"{secret!r:>10}",
        f"{call}",
    ):
        assert PAT not in str(shown)
        assert PAT not in repr(shown)
        assert credential.value not in str(shown)
    with pytest.raises(AssertionError) as caught:
        raise AssertionError(secret, credential)
    printed = io.StringIO()
    traceback.print_exception(caught.value, file=printed)
    assert PAT not in printed.getvalue()


def test_what_may_be_shown_and_what_goes_over_the_wire() -> None:
    secret = Secret(PAT)
    assert secret.last4 == "Wx9Z"
    assert Secret("short").last4 == ""
    assert Secret("x" * 15).last4 == ""
    assert base64.b64decode(secret.basic().removeprefix("Basic ")).decode() == f":{PAT}"
    assert base64.b64decode(secret.basic("ada").removeprefix("Basic ")).decode() == f"ada:{PAT}"
    assert "\n" not in secret.basic("a" * 200)
    aspm = Credential(secret, SERVICES.origins, header="X-Cookie")
    assert aspm.value == PAT


def test_an_aspm_token_may_look_like_anything_printable() -> None:
    assert parse_secret(" eyJa.b.c ", "file x", "API token").reveal() == "eyJa.b.c"
    assert parse_secret("a:b", "file x", "API token").reveal() == "a:b"
    for empty in ("", "  ", '""'):
        with pytest.raises(UsageError) as caught:
            parse_secret(empty, "KONDUKTO_TOKEN", "API token of Invicti ASPM")
        assert caught.value.reason is Reason.TOKEN_EMPTY
        assert "KONDUKTO_TOKEN" in caught.value.problem
