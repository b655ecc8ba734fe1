"""No secret of the run is left in a text, however it is written; nothing else is touched."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import string
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aspm_ado.domain.known_secrets import HIDDEN, KnownSecrets
from aspm_ado.domain.reasons import CheckId, Reason

CONSTANT = "JQQJ99BJAC" + "A" * 13 + "SAZDO"
TOKEN = "q7Rf2Kd9Xw4Lm1Zs8Tb3Vc6Ny5Hj0Gp7Aq2Ue9Ir4Ok1Wd8Fx3Bz6" [:52] + CONSTANT + "Wx9Z"  # fmt: skip
ROOT = Path(__file__).resolve().parents[2]
MANY = KnownSecrets()
for number in range(200):
    MANY.add(base64.b64encode(hashlib.sha512(b"%d" % number).digest()).decode()[:52] + CONSTANT)
    MANY.add(f"P4ss-{number:03d}-w0rD!")
LETTERS = string.ascii_letters + string.digits


def knowing(*secrets: str) -> KnownSecrets:
    known = KnownSecrets()
    for secret in secrets:
        known.add(secret)
    return known


def each(form: str) -> Callable[[str], str]:
    return lambda text: "".join(form.format(one, ord(one)) for one in text)


def between(mark: str) -> Callable[[str], str]:
    return mark.join


WAYS: dict[str, Callable[[str], str]] = {
    "bare": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "mixed case": str.swapcase,
    "JSON": each("\\u{1:04x}"),
    "JSON in upper case": each("\\u{1:04X}"),
    "JSON in JSON": each("\\\\u{1:04x}"),
    "a language's": each("\\x{1:02x}"),
    "braces": each("\\u{{{1:x}}}"),
    "HTML, decimal": each("&#{1};"),
    "HTML, zeros before": each("&#000{1};"),
    "HTML, hexadecimal": each("&#x{1:x};"),
    "HTML in HTML": each("&amp;#x{1:X};"),
    "HTML, some": html.escape,
    "percent": each("%{1:02X}"),
    "percent, twice": each("%25{1:02x}"),
    "percent, some": lambda text: quote(text, safe=""),
    "percent of JSON": lambda text: quote(each("\\u{1:04x}")(text)),
    "IIS": each("%u{1:04x}"),
    "NUL between": between("\0"),
    "zero width between": between("\u200b"),
    "soft hyphens between": between("\xad"),
    "joiners between": between("\u2060\ufeff"),
    "lines between": between("\r\n"),
    "escaped NUL between": between("\\u0000"),
    "escaped zero width between": between("&#8203;"),
    "percent of zero width between": between("%E2%80%8B"),
    "wide letters": lambda text: "".join(chr(ord(one) + 0xFEE0) for one in text),
    "hex": lambda text: text.encode().hex(),
    "hex in upper case": lambda text: text.encode().hex().upper(),
    "hex, colons between": lambda text: text.encode().hex(":"),
    "hex, blanks between": lambda text: text.encode().hex(" ").upper(),
    "hex, as in a source": lambda text: ", ".join(f"0x{one:02x}" for one in text.encode()),
    "octal": each("\\{1:03o}"),
    "quoted-printable": each("={1:02X}"),
    "quoted-printable, in lines": lambda text: "=\r\n".join(text[at : at + 9] for at in range(0, len(text), 9)),
    "HTML names between": between("&zwnj;"),
    "HTML, many zeros before": each("&#x0000{1:x};"),
    "hex, half a byte before": lambda text: "a" + text.encode().hex() + "b",
    **{
        f"base64, {shift} before": lambda text, shift=shift: base64.b64encode(
            b"x" * shift + text.encode() + b"yz"
        ).decode()
        for shift in range(4)
    },
    **{
        f"base64 of {order}, {shift} before": lambda text, order=order, shift=shift: base64.b64encode(
            b"x" * shift + text.encode(order) + b"yz"
        ).decode()
        for order in ("utf-16-le", "utf-16-be")
        for shift in range(3)
    },
    **{
        order: lambda text, order=order: text.encode(order).decode("latin-1")
        for order in ("utf-16-le", "utf-16-be")
    },
    "base64 in an address": lambda text: base64.urlsafe_b64encode(f"a:{text}".encode()).decode(),
    "base64, escaped": lambda text: quote(base64.b64encode(text.encode()), safe=""),
    "base64 in lines": lambda text: base64.encodebytes(text.encode()).decode(),
}  # fmt: skip


def dumped(group: int, *, swapped: bool = False, rows: str = "{offset:08x}: {groups}  {text}") -> Callable[[str], str]:  # fmt: skip
    """Rows of 16 bytes, as a tool for such things prints them, with other bytes before and after."""

    def way(text: str) -> str:
        raw, lines = b"GET / HTTP/1." + text.encode() + b"\r\nHost:", []
        for at in range(0, len(raw), 16):
            row = raw[at : at + 16]
            groups = [row[begin : begin + group] for begin in range(0, len(row), group)]
            shown = " ".join((one[::-1] if swapped else one).hex() for one in groups)
            readable = "".join(chr(one) if 32 < one < 127 else "." for one in row)
            lines.append(rows.format(offset=at, groups=shown, text=readable))
        return "\n".join(lines)

    return way


WAYS |= {
    "xxd": dumped(2),
    "xxd -g 1": dumped(1),
    "xxd -g 4": dumped(4),
    "xxd -g 8": dumped(8),
    "hexdump -C": dumped(1, rows="{offset:08x}  {groups}  |{text}|"),
    "tcpdump -X": dumped(2, rows="\t0x{offset:04x}:  {groups}  {text}"),
    "od -tx1": dumped(1, rows="{offset:07o} {groups}"),
    "od -tx1z": dumped(1, rows="{offset:07o} {groups}  >{text}<"),
    "od -x": dumped(2, swapped=True, rows="{offset:07o} {groups}"),
}


def read_back(text: str) -> str:
    """A reader of another make: escapes undone one after the other, and what nobody sees left out."""
    for _ in range(3):
        text = re.sub(r"\\+u\{?([0-9a-fA-F]{2,4})\}?|\\+x([0-9a-fA-F]{2})|%(?:25)*u?((?:00)?[0-9a-fA-F]{2})", lambda found: chr(int(next(filter(None, found.groups())), 16)), html.unescape(text))  # fmt: skip
    return re.sub(r"[^!-~]", "", "".join(chr(ord(one) - 0xFEE0) if "！" <= one <= "～" else one for one in text))  # fmt: skip


def forms_left(secret: str, text: str) -> list[str]:
    """Pieces of 12 characters of the secret that are still there, and of its hex and base64."""
    there = {text.lower(), read_back(text).lower()}
    forms = [secret, secret.encode().hex()]
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + secret.encode() + b"yz").decode()
        forms += [encoded[2 * shift : -6], encoded[2 * shift : -6].translate({43: 45, 47: 95})]
    return [
        form[at : at + 16]
        for form in forms
        for at in range(len(form) - 15)
        if any(form[at : at + 16].lower() in one for one in there)
    ]


def without_long_words(text: str) -> str:
    """A long word in a secret is no piece of it: it may be one of ours."""
    return re.sub(r"[A-Za-z]{11}", lambda word: f"{word[0][:-1]}7", text)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@settings(settings.get_profile("slow"))
@given(
    secret=st.text(LETTERS, min_size=40, max_size=84).map(without_long_words),
    before=st.text(max_size=9),
    after=st.text(max_size=9),
    cut=st.integers(0, 12),
)
def test_a_secret_is_found_however_it_is_written(way, secret, before, after, cut) -> None:
    assume(len(set(secret.lower())) > 20)
    known = knowing("another-secret-of-this-run-0815", secret)
    for part in (secret, secret[cut:-1]):
        left = known.hide(f"{before} {way(part)} | {after}")
        assert HIDDEN in left
        assert forms_left(secret, left) == []
        assert left.startswith(f"{before} ")
        assert left.endswith(f" | {after}")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(
    "secret", ["p4ss-W0rd", "Tr0ub4dor&3", 's3cr3t"%41/+', "c0rrect_horse_b4ttery", "äöü-0815-ß"]
)
def test_a_whole_secret_counts_from_eight_characters(secret, way) -> None:
    if not secret.isascii() and way(secret) != secret:
        return
    assert HIDDEN in knowing(secret).hide(f"a {way(secret)} b")


@given(
    secret=st.text(LETTERS + '+/="\\%&#;-_.~', min_size=12, max_size=90),
    before=st.text(max_size=40),
    after=st.text(max_size=40),
    start=st.integers(0, 70),
    length=st.integers(12, 90),
)
def test_no_piece_of_twelve_characters_is_left_of_what_others_say(
    secret, before, after, start, length
) -> None:
    assume(len(set(secret.lower())) > 8)
    left = knowing(secret).hide_in_foreign(before + secret[start : start + length] + after)
    # A long word is no piece of a secret: it may be one of ours.
    words = [found.span() for found in re.finditer(r"[A-Za-z._/:-]{12,}", secret)]
    for at in range(len(secret) - 11):
        piece = secret[at : at + 12]
        is_random = not any(at < end and begin < at + 12 for begin, end in words)
        if is_random and len(set(piece.lower())) >= 4:
            assert piece not in left.replace(HIDDEN, "\n")


@given(st.text(string.ascii_lowercase + ' {}":,\\%&', max_size=400))
def test_what_is_none_of_it_stays(text) -> None:
    assert knowing(TOKEN).hide(text) == knowing(TOKEN).hide_in_foreign(text) == text


NAMES = [
    "Contoso-Sicherheit-Überprüfung", "Fabrikam.Équipe_Développement", "Проект-Платёжная-Система", "东京开发团队-仓库",
    "プロジェクト・リポジトリ", "프로젝트-저장소", "مشروع-الدفع", "परियोजना-भंडार", "Ελληνικό-Αποθετήριο", "מאגר-הפרויקט",
    "Łódź-Ζωή-Đà-Nẵng", "naïve café – “payments”", "platform/services/identity-and-access-management", "👩🏽‍💻-team",
    "de:ad:be:ef:00:11:22:33:44:55:66:77", "2026-11-29T12:34:56.789Z", "C:\\Users\\new\\x86\\u2028\\101", "a=3Db=20c=",
    "50%25 &amp; more &nosuchname; &#x41;", "TF400813: The user 'a@b.example' is not authorized", "x-ms-version=2024-11-04",
]  # fmt: skip


@given(
    names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=9),
    guid=st.uuids(),
    raw=st.binary(min_size=20, max_size=64),
    mark=st.sampled_from(["-", "/", ", ", "\n", '","']),
)
def test_names_in_any_language_checksums_and_ids_stay(names, guid, raw, mark) -> None:
    """Beside many secrets: what is none of them is never taken for a piece of one."""
    ids = [str(guid), guid.hex, raw.hex(), raw.hex(":"), base64.b64encode(raw).decode()]
    text = mark.join([*names, *ids, CONSTANT, TOKEN[-4:]])
    assert MANY.hide(text) == MANY.hide_in_foreign(text) == text


def test_our_own_words_stay_beside_many_secrets() -> None:
    own = [*Reason, *CheckId, *(one.title for one in CheckId), TOKEN[-4:]]
    own += [file.read_text("utf-8") for file in sorted((ROOT / "docs").glob("*.md"))]
    text = json.dumps(own, ensure_ascii=False, indent=2)
    assert MANY.hide(text) == MANY.hide_in_foreign(text) == text


@pytest.mark.parametrize(
    "way", ["bare", "hex", "base64, 1 before", "base64 of utf-16-le, 2 before"]
)
def test_each_of_a_thousand_secrets_is_found(way) -> None:
    tokens = [
        hashlib.sha512(str(number).encode()).hexdigest()[:52] + CONSTANT for number in range(1000)
    ]
    known = knowing(*tokens)
    for token in tokens[::31]:
        assert forms_left(token[:52], known.hide(f"a {WAYS[way](token[:52])} b")) == []


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("pass", '{"status": "pass", "reason": "not-ready"}'),
        ("password", "Correct user and password in HTTPS_PROXY."),
        ("not-ready", '{"verdict": "not-ready"}'),
        ("organizations", '{"organizations": []}'),
        ("administrator", "Ask an administrator of the organization."),
        ("administrator1", "Ask an administrator."),
        ("--pat-file", "Pass it with --pat-file FILE."),
        ("dev.azure.com", "https://dev.azure.com/contoso"),
        (TOKEN, f"Token ****{TOKEN[-4:]}, {TOKEN[:11]}, {CONSTANT}{TOKEN[-4:]}"),
        ("SimulatedNotAToken".ljust(52, "7") + CONSTANT + "Wx9Z", f"SimulatedNotAToken {'7' * 34} {CONSTANT}"),
        ("simulated-aspm-token-0001", "A simulated-aspm-token-0002 is one of a simulation."),
    ],
)  # fmt: skip
def test_sentences_keys_and_values_of_ours_stay(secret, text) -> None:
    assert knowing(secret).hide(text) == text


@pytest.mark.parametrize("secret", ["pass", "pw", "password", "administrator", "pass word"])
def test_short_and_plain_secrets_are_hidden_in_what_others_say(secret) -> None:
    said = knowing(secret).hide_in_foreign(f"Refused ({secret}): compass, {secret}s.")
    assert said == f"Refused ({HIDDEN}): compass, {secret if len(secret) < 8 else HIDDEN}s."


@pytest.mark.parametrize(
    "secret", ["SimulatedNotAToken".ljust(52, "0") + CONSTANT + "Wx9Z", "simulated-aspm-token-0001"]
)  # fmt: skip
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_simulated_secret_is_hidden_as_a_whole(secret, way) -> None:
    assert HIDDEN in knowing(secret).hide(f"a {way(secret)} b")


def test_a_token_is_hidden_with_its_constant_part() -> None:
    assert knowing(TOKEN).hide(f"a {TOKEN} b {TOKEN[30:]} c") == f"a {HIDDEN} b {HIDDEN} c"


def test_the_structure_around_an_escaped_secret_stays() -> None:
    said = '{"a\\n": "\\"' + each("\\u{1:04x}")(TOKEN) + '\\"", "b": "\\u00e4"}'
    assert knowing(TOKEN).hide(said) == '{"a\\n": "\\"' + HIDDEN + '\\"", "b": "\\u00e4"}'


LENGTH = 1 << 16
FILLERS = {
    "pieces of 11": " ".join(TOKEN[at : at + 11] for at in range(41)),
    "pieces of 12": " ".join(TOKEN[at : at + 12] for at in range(40)),
    "pieces, touching": "".join(TOKEN[at : at + 13] for at in range(39)),
    "backslashes": "\\",
    "percent signs": "%25",
    "ampersands": "&amp;",
    "zeros": "&#0",
    "braces": "\\u{00",
    "escapes": each("\\u{1:04x}")(TOKEN),
    "zero width": "\u200b".join(TOKEN),
    "bytes in hex": TOKEN.encode().hex(" "),
    "rows of a dump": WAYS["xxd"](TOKEN) + "\n",
    "ends of rows": "\n0000 00 00",
    "blanks behind bytes": "00" + " " * 70,
    "pairs of digits": "00 ",
    "names": "&zwnj;",
    "equals signs": "=41=",
}


@pytest.mark.parametrize("filler", FILLERS.values(), ids=FILLERS)
def test_memory_is_linear_in_the_text(filler) -> None:
    known, text = knowing(TOKEN), (filler * LENGTH)[:LENGTH]
    known.hide("")
    tracemalloc.start()
    try:
        known.hide(text)
        assert tracemalloc.get_traced_memory()[1] < 40 * LENGTH
    finally:
        tracemalloc.stop()


def test_fewer_than_twelve_characters_stay_at_the_end_of_a_text_too() -> None:
    """Of a thousand such texts a few were hidden by chance: where a hash led to the whole piece."""
    hidden = []
    for number in range(40):
        secret = base64.b64encode(hashlib.sha512(bytes([number])).digest()).decode()[:84]
        known = KnownSecrets()
        known.add(secret)
        texts = [f"It is {secret[at : at + size]}" for at in range(70) for size in (7, 9, 11)]
        hidden += [text for text in texts if HIDDEN in known.hide(text)]
    assert hidden == []


@pytest.mark.parametrize(
    "word", ["organizations", "Organizations", "aspm-registration", "DOCUMENTATION"]
)
def test_a_long_word_in_a_secret_is_no_piece_of_it(word: str) -> None:
    """Keys and sentences of ours hold it, too; records that lost a key could not be read again."""
    known = KnownSecrets()
    known.add(f"x81Qz-{word}-7Kq29vLw83Zt")
    text = f'{{"{word}": "the {word.lower()} of the run"}}'
    assert known.hide(text) == text
    assert HIDDEN in known.hide(f"7Kq29vLw83Zt and x81Qz-{word}-7Kq29vLw83Zt")
