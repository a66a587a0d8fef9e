"""The Tab key: the lines that the page of commands gives for bash, zsh and fish, in those shells
where they are installed, and what they ask of the command everywhere.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
SHELLS = ("bash", "zsh", "fish")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shells of Unix")


def line_for(shell):
    """Return the line that the page's table has for a shell."""
    if not PAGE.exists():
        pytest.skip("the pages are not beside the tests")
    rows = re.findall(
        rf"^\| {shell}[^|]*\|[^|]*\| `(.*)` \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) == 1
    return rows[0].replace("\\|", "|")


@pytest.fixture
def environment(tmp_path):
    """An environment whose PATH has `scalecore`, as an installed package brings it."""
    command = tmp_path / "bin" / "scalecore"
    command.parent.mkdir()
    command.write_text(
        f"#!{sys.executable}\nimport sys\nfrom scalecore.cli import main\nsys.exit(main())\n"
    )
    command.chmod(0o755)
    return os.environ | {"PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}


def output(command, environment):
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_a_script(environment, shell):
    assert f"_SCALECORE_COMPLETE={shell}_source scalecore" in line_for(shell)
    script = output(["scalecore"], environment | {"_SCALECORE_COMPLETE": f"{shell}_source"})
    assert f"_SCALECORE_COMPLETE={shell}_complete" in script


def asked(shell, words):
    line = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    if shell == "fish":
        line["COMP_CWORD"] = words[-1]
    return line | {"_SCALECORE_COMPLETE": f"{shell}_complete"}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (("scalecore", "rep"), {"report"}),
        (("scalecore", "fit", "--form", "rep"), {"repeated", "repeated_penalty"}),
        (("scalecore", "suggest", "--quan"), {"--quantity"}),
        (("scalecore", "plan", "law.json", "--max-p"), {"--max-parameters"}),
        (("scalecore", "compare", "runs.csv", "--loss-unit", "b"), {"bits"}),
    ],
)
def test_what_the_scripts_ask(environment, shell, words, completed):
    told = output(["scalecore"], environment | asked(shell, words))
    if shell == "zsh":  # kind, value and help on a line each
        assert set(told.splitlines()[1::3]) == completed
    else:
        values = {line.partition(",")[2].partition("\t")[0] for line in told.splitlines() if line}
        assert values == completed


def need(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")


def test_bash_completes_after_the_line(environment):
    need("bash")
    old = "(( BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404 )) && exit 77"
    if subprocess.run(["bash", "-c", old], timeout=100).returncode == 77:
        pytest.skip("completion needs bash 4.4")
    code = f"""{line_for("bash")}
    function=$(complete -p scalecore | sed 's/.*-F \\([^ ]*\\).*/\\1/')
    COMP_WORDS=(scalecore fit --form ti) COMP_CWORD=3
    $function scalecore ti --form
    echo "${{COMPREPLY[*]}}"
    """
    assert output(["bash", "-c", code], environment).split() == ["tied"]


def test_zsh_reads_the_line(environment):
    need("zsh")
    code = f"""autoload -Uz compinit && compinit -u -D
    {line_for("zsh")}
    echo "${{_comps[scalecore]}}"
    """
    assert output(["zsh", "-f", "-c", code], environment).strip() == "_scalecore_completion"


def test_fish_completes_after_the_line(environment):
    need("fish")
    code = f"{line_for('fish')}\ncomplete --do-complete 'scalecore fit --form ti'"
    told = output(["fish", "--no-config", "-c", code], environment)
    assert [line.partition("\t")[0] for line in told.splitlines()] == ["tied"]
