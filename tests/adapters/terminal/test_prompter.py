"""What a person meets at each question, on a terminal that draws and on one that only types."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from itertools import count
from pathlib import Path
from typing import ClassVar

import pytest

TOKEN = "Q7x" * 25 + "zAZDO1234"
COLOR = re.compile(rb"\x1b\[[0-9;]*m")
KEYS = """arrows Space marks Ctrl A all type to search Enter
Number Numbers or part of the name names with commas none Y n y Yes chosen BETA over"""
PASTE, PASTED = "\x1b[200~", "\x1b[201~"


class PrompterContract:
    """What every console promises; the keys for the same answer differ."""

    term: str
    second: str
    first_and_third: str
    yes_key: str
    ready: ClassVar[dict[str, str]]

    @pytest.fixture
    def ask(self, terminal):
        return lambda scenario, columns=80, **more: terminal(
            scenario, columns, TERM=self.term, **more
        )

    def test_enter_keeps_the_default_which_is_shown_clean(self, ask):
        at = ask("text")
        at.see("Which one? [con[2Jtoso]")
        at.type("\r")
        assert at.end() == {"answer": "con\x1b[2Jtoso"}

    def test_a_refused_answer_is_explained_and_asked_again_without_the_default(self, ask):
        at = ask("number")
        at.see("Which one? [x]")
        at.type("\r")
        at.see("“x” is not a number.\n  Give digits only.\n")
        at.type("\r")
        at.see("  The answer is empty. Type an answer, or press Ctrl-C to leave.\n")
        at.type("twelve\r")
        at.see("“twelve” is not a number.\n  Give digits only.\n")
        at.type(" 12 \r")
        assert at.end() == {"answer": "12"}

    def test_a_secret_is_never_shown(self, ask):
        at = ask("secret")
        at.see("Personal access token:")
        at.type(TOKEN + "\r")
        assert at.end() == {"answer": TOKEN}
        assert TOKEN[:6].encode() not in at.log.getvalue()
        assert "Q7x" not in at.text
        assert "It goes to https://dev.azure.com/con[2Jtoso\nA sentence" in at.text

    def test_after_a_stop_a_secret_is_hidden_again(self, ask):
        """As a shell does it: it puts its own attributes on the terminal while the program is stopped."""
        import termios

        at = ask("secret")
        at.see("Personal access token:")
        terminal, pid = at.child.child_fd, int((at.folder / "pid").read_text())
        os.kill(pid, signal.SIGSTOP)
        attributes = termios.tcgetattr(terminal)
        attributes[3] |= termios.ECHO | termios.ICANON
        termios.tcsetattr(terminal, termios.TCSANOW, attributes)
        os.kill(pid, signal.SIGCONT)
        for _ in range(2000):
            if not termios.tcgetattr(terminal)[3] & termios.ECHO:
                break
            time.sleep(0.01)
        if self.term == "dumb":
            at.see_again("Personal access token:")
        at.type(TOKEN + "\r")
        assert at.end() == {"answer": TOKEN}
        assert TOKEN[:6].encode() not in at.log.getvalue()

    def test_a_refused_secret_is_asked_again(self, ask):
        at = ask("secret")
        at.see("Personal access token:")
        at.type("no good\r")
        at.see("a space at position 3 of 7")
        at.see_again("Personal access token:")
        at.type(TOKEN + "\r")
        assert at.end() == {"answer": TOKEN}
        assert b"no good" not in at.log.getvalue()

    def test_nothing_is_shown_between_a_refused_secret_and_the_next_prompt(self, ask):
        at = ask("secret-watched")
        at.see("Personal access token:")
        at.type("no good\r")
        at.see_again("Personal access token:")
        at.type(TOKEN + "\r")
        assert at.end() == {"answer": [False, False]}

    @pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["ctrl-c", "ctrl-d"])
    def test_leaving_is_one_error_and_the_terminal_is_as_before(self, ask, key):
        scenarios = ["text", "secret", "few", "some", "yes"]
        at = ask(" ".join(scenarios))
        for number, scenario in enumerate(scenarios, start=1):
            at.see(self.ready[scenario], number)
            at.type(key)
        for outcome in at.end():
            assert (outcome["error"], outcome["kept"]) == ("interrupted", True)
            assert outcome["remedy"] == "Run the same command again."
        assert "Traceback" not in at.text

    @pytest.mark.parametrize("first", ["SIGTERM", "SIGHUP", "SIGINT"])
    def test_a_signal_while_the_terminal_is_switched_leaves_it_as_before(self, ask, first):
        """At every point of it, and more of them behind: the terminal comes back before anything else happens."""
        again = "SIGINT+SIGTERM+SIGHUP"
        early = [
            f"1before={first}",
            f"1after={first}",
            f"1after={first},2before={again}",
            f"1after={first},2after={again}",
            f"2before={first}",
            f"2after={first}",
            f"2after={first},3before={again}",
        ]
        late = [
            f"3before={first}",
            f"3after={first}",
            f"4before={first}",
            f"4after={first},5before={again}",
            f"3before={first},4before={again}",
        ]
        at = ask(" ".join(f"secret!{strikes}" for strikes in early + late))
        for number in range(len(early) + 1, len(early + late) + 1):
            at.see(self.ready["secret"], number)
            at.type(TOKEN + "\r")
        outcomes = at.end()
        assert [(each["error"], each["kept"]) for each in outcomes] == [
            ("interrupted", True)
        ] * len(early + late)
        assert {each["problem"] for each in outcomes} == {self.said(first)}
        assert "Traceback" not in at.text

    @staticmethod
    def said(name):
        return (
            "Stopped at the question: Personal access token"
            if name == "SIGINT"
            else f"The run was stopped by {name}."
        )

    def test_one_of_a_few(self, ask):
        at = ask("few")
        at.see(self.ready["few"])
        assert "beta (the second)" in at.text
        assert "gamma]0;owned" in at.text
        at.type(self.second)
        assert at.end() == {"answer": "b"}

    def test_enter_keeps_the_offered_choice(self, ask):
        at = ask("few-default")
        at.see(self.ready["few"])
        at.type("\r")
        assert at.end() == {"answer": "b"}

    def test_several_keep_their_order(self, ask):
        at = ask("some")
        at.see(self.ready["some"])
        at.type(self.first_and_third)
        assert at.end() == {"answer": ["a", "c"]}

    def test_none_of_several(self, ask):
        at = ask("some")
        at.see(self.ready["some"])
        at.type("\r")
        assert at.end() == {"answer": []}

    def test_all_of_several_that_are_marked_at_first(self, ask):
        at = ask("marked")
        at.see("gamma")
        at.type("\r")
        assert at.end() == {"answer": ["a", "b", "c"]}

    def test_yes_and_no(self, ask):
        at = ask("no")
        at.see("Which one? (y/N)")
        at.type(self.yes_key)
        assert at.end() == {"answer": True}

    @pytest.mark.parametrize("scenario", ["long", "secret", "some-of-many"])
    def test_forty_columns(self, ask, scenario):
        at = ask(scenario, 40)
        at.see({"long": "row.", "secret": "token:", "some-of-many": self.ready["narrow"]}[scenario])
        at.type(TOKEN + "\r" if scenario == "secret" else "\r")
        assert "error" not in at.end()

    @pytest.mark.parametrize("columns", [34, 41, 47, 53])
    def test_no_row_ends_within_a_word(self, ask, columns):
        """Neither while it is asked nor once it is answered."""
        at, shown = ask("wordy wordy-some wordy-yes long", columns), ""
        keys = {
            "wordy": self.second,
            "wordy-some": self.first_and_third,
            "wordy-yes": self.yes_key.replace("es", ""),
            "long": "x\r",
        }
        for number, (scenario, typed) in enumerate(keys.items(), start=1):
            at.see({"wordy-yes": "(Y/n)", "long": "row."}.get(scenario, "gamma"), number)
            shown += at.text + "\n"
            at.type(typed)
        at.end()
        known = set(re.findall(r"\w+", (Path(__file__).parent / "asker.py").read_text()))
        assert set(re.findall(r"[^\W\d]+", shown + at.text)) <= known | set(KEYS.split())


class TestDrawn(PrompterContract):
    term = "xterm-256color"
    second = "\x1b[B\r"
    first_and_third = " \x1b[B\x1b[B \r"
    yes_key = "y"
    ready: ClassVar = {
        "text": "Which one?",
        "secret": "token:",
        "few": "gamma",
        "some": "[ ] gamma",
        "yes": "(Y/n)",
        "narrow": "[ ] project-003",
    }

    def test_a_long_list_is_searched(self, terminal):
        at = terminal("many")
        at.see("> project-000")
        at.type("-15")
        at.see("/ -15")
        assert "project-150" in at.text
        assert "project-000" not in at.text
        at.type("\x1b[B\r")
        assert at.end() == {"answer": "v151"}

    def test_enter_takes_nothing_while_the_search_finds_nothing(self, terminal):
        at = terminal("many")
        at.see("> project-000")
        at.type("zz\r")
        at.see("(no match: press Backspace)")
        at.type("\x7f\x7f198\r")
        assert at.end() == {"answer": "v198"}

    def test_a_search_takes_letters_beyond_ascii_and_pasted_ones(self, terminal):
        at = terminal("many")
        at.see("> project-000")
        at.type("本" + PASTE + " プロ\n" + PASTED)
        at.see("> 日本")
        at.type("\r")
        assert at.end() == {"answer": "cjk"}

    def test_ctrl_a_marks_what_the_search_shows_and_tab_turns_nothing_over(self, terminal):
        at = terminal("some-of-many")
        at.see("[ ] project-000")
        at.type("\t-12")
        at.see("/ -12")
        at.type("\x01")
        at.see("[x] project-129")
        at.type("\r")
        assert at.end() == {"answer": [f"v{number}" for number in range(120, 130)]}

    @pytest.mark.parametrize(
        ("scenario", "keys", "left"),
        [
            ("some", "\r", "? Which one? none"),
            ("some", " \x1b[B \r", "? Which one? alpha, beta (the second)"),
            ("some-of-many", "\x01\r", "? Which one? 200 chosen"),
        ],
    )
    def test_what_was_chosen_stays_on_the_screen_and_the_list_does_not(
        self, terminal, scenario, keys, left
    ):
        at = terminal(scenario)
        at.see("[ ]")
        at.type(keys)
        at.end()
        assert left in at.text.splitlines()
        assert "[ ]" not in at.text

    def test_a_pasted_secret_may_end_in_a_newline(self, terminal):
        at = terminal("secret")
        at.see("token:")
        at.type(PASTE + TOKEN + "\r\n" + PASTED)
        at.see("*****")
        at.type("\r")
        assert at.end() == {"answer": TOKEN}

    def test_what_is_pasted_behind_a_secret_answers_nothing_and_is_not_shown(self, terminal):
        at = terminal("secret-text")
        at.see("token:")
        at.type(TOKEN + "\r\nTAIL\n")
        at.see("Which one? [kept]:")
        at.type("mine\r")
        assert at.end() == {"answer": [TOKEN, "mine"]}
        assert b"TAIL" not in at.log.getvalue()

    def test_two_pasted_lines_are_not_one_answer(self, terminal):
        at = terminal("text")
        at.see("toso]:")
        at.type(PASTE + "one\ntwo" + PASTED + "\r")
        at.see("more than one line")
        at.type("one\r")
        assert at.end() == {"answer": "one"}

    def test_ctrl_v_of_an_old_windows_console_quotes_nothing(self, terminal):
        at = terminal("secret")
        at.see("token:")
        at.type("\x16" + TOKEN + "\x16\r")
        assert at.end() == {"answer": TOKEN}

    def test_no_color_sends_no_color(self, terminal):
        scenarios = ["text", "some", "yes", "few"]
        at = terminal(" ".join(scenarios), NO_COLOR="1")
        for number, scenario in enumerate(scenarios, start=1):
            at.see(self.ready[scenario], number)
            at.type("\r")
        at.end()
        codes = {
            int(code or 0)
            for each in COLOR.findall(at.log.getvalue())
            for code in each[2:-1].split(b";")
        }
        assert codes <= {0, 1, 4, 7}

    @pytest.mark.parametrize("scenario", ["few", "secret"])
    def test_a_terminal_that_is_closed_ends_the_run(self, terminal, scenario):
        at = terminal(scenario)
        at.see(self.ready[scenario])
        at.child.close(force=False)
        said = at.folder / "out"
        for _ in range(6000):
            if said.read_text().rstrip().endswith("]"):
                break
            time.sleep(0.01)
        assert json.loads(said.read_text())[0]["error"] == "interrupted"

    def test_asks_the_terminal_for_nothing_and_has_color(self, terminal):
        at = terminal("few")
        at.see("gamma")
        at.type("\r")
        at.end()
        assert any(b"36" in each for each in COLOR.findall(at.log.getvalue()))
        assert b"\x1b[6n" not in at.log.getvalue()

    def test_draws_in_ascii_on_an_ascii_console(self, terminal):
        scenarios = ["few", "some", "secret", "text", "yes"]
        at = terminal(" ".join(scenarios), PYTHONIOENCODING="ascii")
        for number, scenario in enumerate(scenarios, start=1):
            at.see(self.ready[scenario], number)
            at.type(TOKEN + "\r" if scenario == "secret" else "\r")
        assert not [each for each in at.end() if "error" in each]
        assert at.log.getvalue().isascii()

    @pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
    def test_a_signal_at_a_question_leaves_it(self, terminal, name):
        at = terminal("text few secret")
        for number, scenario in enumerate(["text", "few", "secret"], start=1):
            at.see(self.ready[scenario], number)
            os.kill(int((at.folder / "pid").read_text()), getattr(signal, name))
        assert [(each["error"], each["kept"]) for each in at.end()] == [("interrupted", True)] * 3
        assert "Traceback" not in at.text
        assert "Unhandled" not in at.text


class TestTyped(PrompterContract):
    term = "dumb"
    second = "BETA\r"
    first_and_third = "gamma, 1\r"
    yes_key = "yes\r"
    ready: ClassVar = {
        "text": "Which one?",
        "secret": "token:",
        "few": "part of the name",
        "some": "for none:",
        "yes": "(Y/n)",
        "narrow": "with commas",
    }

    @pytest.mark.parametrize("term", ["dumb", "xterm-256color"])
    def test_a_shell_in_emacs_knows_that_a_secret_is_asked(self, terminal, term):
        """The end of comint-password-prompt-regexp in Emacs 29, as far as it concerns a line of ours."""
        at = terminal("secret", TERM=term, INSIDE_EMACS="29.3,comint")
        at.see("Password or token:")
        last = at.text.splitlines()[-1] + " "
        assert re.search(r"^ *Password(?: [A-Za-z]+ .+)?[ \t]*:\s*\Z", last)
        assert "Personal access token:" in at.text
        at.type(TOKEN + "\r")
        assert at.end() == {"answer": TOKEN}
        assert TOKEN[:6].encode() not in at.log.getvalue()

    def test_sends_text_only(self, terminal):
        at = terminal("few", TERM="dumb")
        at.see("part of the name")
        at.type("9\r")
        at.see("No choice has that name.")
        at.type("2\r")
        assert at.end() == {"answer": "b"}
        assert b"\x1b" not in at.log.getvalue()

    def test_a_long_list_is_narrowed(self, terminal):
        at = terminal("many", TERM="dumb")
        at.see("and 180 more")
        at.type("-15\r")
        at.see("10) project-159")
        at.type("2\r")
        assert at.end() == {"answer": "v151"}

    def test_all_and_an_unclear_name(self, terminal):
        at = terminal("some", TERM="dumb")
        at.see("for none:")
        at.type("ta, zz\r")
        at.see("Each name must match")
        at.type("all\r")
        assert at.end() == {"answer": ["a", "b", "c"]}


class Breaking:
    """A terminal's stream that breaks at some of the writes to it, by number."""

    encoding = "utf-8"

    def __init__(self, terminal: int, breaks: set[int]) -> None:
        self.written, self._breaks, self._times, self._terminal = "", breaks, count(1), terminal

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._terminal

    def flush(self) -> None:
        pass

    def write(self, text: str) -> None:
        if next(self._times) in self._breaks:
            raise ZeroDivisionError
        self.written += text


@pytest.mark.skipif(sys.platform == "win32", reason="a pty is a POSIX thing")
def test_a_question_that_falls_over_leaves_the_terminal_as_before(monkeypatch):
    import termios

    from aspm_ado.adapters.terminal.drawn import DrawnConsole

    ours, its = os.openpty()
    with os.fdopen(ours, "wb", buffering=0) as keys, os.fdopen(its) as stdin:
        before = termios.tcgetattr(its)
        monkeypatch.setattr(sys, "stdin", stdin)
        stream = Breaking(
            its, {3, 4}
        )  # the last look of the question, and the library's own way out
        keys.write(b"\r")
        with pytest.raises(ZeroDivisionError):
            DrawnConsole(stream, color=False).line("Which one?")
        assert termios.tcgetattr(its) == before
    for on, off in {
        "\x1b[?2004h": "\x1b[?2004l",
        "\x1b[?25l": "\x1b[?25h",
        "\x1b[?7l": "\x1b[?7h",
    }.items():
        assert stream.written.rfind(off) > stream.written.rfind(on)
