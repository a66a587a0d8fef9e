"""Every code block of README.md and of the pages runs, in its order, in an empty folder; links lead
somewhere.

Each page is a process of its own: Python blocks share one namespace, shell blocks the folder. The
README's shell blocks are for `.ci/run`. A block that cannot run has `<!-- not run: reason -->` as
the last line before it and is listed in NOT_RUN.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if not (ROOT / "docs" / "index.md").exists():
    pytest.skip(
        "the pages are not beside the tests; .ci/run runs these from the source tree",
        allow_module_level=True,
    )

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SECONDS = 120  # for a page, on a busy machine; all of them together take half of that on two cores
NOT_RUN = {  # page: reasons, in their order
    "CONTRIBUTING.md": [
        "installs packages",
        "compiles the package",
        "runs tests",
        "takes half an hour",
        "lints",
        "builds the pages",
    ],
    "docs/commands.md": ["writes into the home folder"],
    "docs/growth.md": ["needs tables that are not part of the project"],
    "docs/index.md": ["installs a package"],
    "docs/sweep.md": [
        "processes must be started from a file of their own",
        "needs dask.distributed and processes of its own",
        "needs a cluster",
        "needs MPI",
    ],
}
FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.M | re.S)
MARKER = re.compile(r"<!-- not run: (.+?) -->\s*\Z")

RUNNER = """
import json, subprocess, sys

namespace = {"__name__": "__main__"}
for language, page, line, code in json.load(open(sys.argv[1], encoding="utf-8")):
    print(f"-- {page}, line {line}", flush=True)
    if language == "python":
        exec(compile("\\n" * line + code, page, "exec"), namespace)
    else:
        subprocess.run(["sh", "-e", "-c", code], check=True, stdin=subprocess.DEVNULL)
"""


def name(page):
    return page.relative_to(ROOT).as_posix()


def blocks(page):
    """Yield (language, line, code, reason not to run it or None) of the Python and shell blocks."""
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        language, code = match.groups()
        if language in ("python", "sh"):
            marker = MARKER.search(text[: match.start()])
            yield language, text.count("\n", 0, match.start()) + 1, code, marker and marker.group(1)


def to_run(page):
    shell = name(page) != "README.md" and shutil.which("sh") is not None
    return [
        (language, name(page), line, code)
        for language, line, code, reason in blocks(page)
        if reason is None and (language == "python" or shell)
    ]


def run(page, folder, seconds=SECONDS):
    (folder / "blocks.json").write_text(json.dumps(to_run(page)), encoding="utf-8")
    (folder / "runner.py").write_text(RUNNER, encoding="utf-8")
    place = folder / "empty"
    place.mkdir()
    path = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    )  # for the command
    return subprocess.run(
        [sys.executable, folder / "runner.py", folder / "blocks.json"],
        cwd=place,
        env=os.environ
        | {
            "MPLBACKEND": "Agg",
            "PATH": path,
            "PYTHONWARNINGS": "error::DeprecationWarning:__main__",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
    )


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=name(page)) for page in PAGES if to_run(page)]
)
def test_blocks_run(page, tmp_path):
    done = run(page, tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("\n-- ") + done.stdout.startswith("-- ") >= len(to_run(page))


@pytest.mark.parametrize(
    "code", ["```python\nx = 1\n```\n\n```python\nassert x == 2\n```", "```sh\nfalse\ntrue\n```"]
)
def test_a_block_that_fails_is_told_by_its_line(code, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("Text.\n\n" + code + "\n")
    done = run(page, tmp_path)
    assert done.returncode != 0
    assert f"page.md, line {7 if 'python' in code else 3}" in done.stdout


def test_what_is_not_run_is_listed():
    found = {name(page): [reason for *_, reason in blocks(page) if reason] for page in PAGES}
    assert {page: reasons for page, reasons in found.items() if reasons} == NOT_RUN


def test_every_marker_stands_before_a_block():
    for page in PAGES:
        markers = page.read_text(encoding="utf-8").count("<!-- not run:")
        assert markers == sum(reason is not None for *_, reason in blocks(page)), name(page)


def test_python_has_a_fence_of_its_own():
    """Prompts and indented blocks would escape these tests."""
    for page in PAGES:
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        assert not re.search(r"^ *(>>> |import |from \w+ import )", text, re.M), name(page)


def test_links_to_files_lead_somewhere():
    found = 0
    for page in PAGES:
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        targets = re.findall(r"\]\(([^)\s]+)\)", text)
        local = [
            target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)
        ]
        assert not [target for target in local if not (page.parent / target).exists()], name(page)
        found += len(local)
    assert found >= 15


def test_every_page_is_reached_from_the_start():
    """On the repository page too, where there is no table of contents."""
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([^)#\s]+\.md)\)", text))
    pages = {page.name for page in PAGES if page.parent == ROOT / "docs"}
    assert pages - {"index.md"} <= linked


def test_the_reference_has_every_public_name():
    import scalecore

    text = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "api").glob("*.rst")
    )
    named = set(
        re.findall(
            r"^\.\. auto(?:function|class|exception|module):: (?:scalecore\.)?(\w+)", text, re.M
        )
    )
    assert set(scalecore.__all__) - {"__version__"} <= named


def test_tests_named_in_the_pages_exist():
    defined = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        defined |= set(re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.M))
    for page in PAGES:
        named = set(re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8")))
        assert named <= defined, f"{name(page)}: {named - defined}"
