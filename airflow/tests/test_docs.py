"""The documentation: its links lead somewhere, its pages are found, its make targets exist."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
COMMON_FLAGS = {"help", "input", "xcom", "print", "exit-code"}
COMMAND = re.compile(r"\./retune ([a-z][a-z_-]+)( [^\n|`>;]*--[^\n|`>;]*|(?=[\n`]))")
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def pages():
    """Every Markdown page of the project."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    names = subprocess.run(listed, cwd=TOP, check=True, capture_output=True, text=True).stdout
    return [TOP / name for name in names.splitlines() if (TOP / name).is_file()]


def links(page):
    """The targets of a page's links."""
    return LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8")))


def anchors(page):
    """The anchors of a page's headings, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page):
    """The links of a page that lead nowhere."""
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(TOP)))
def test_links_lead_to_files_and_headings(page):
    assert list(broken(page)) == []


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Here\n[a](page.md#here) [b](page.md#there) [c](none.md) [d](#here)\n")
    assert list(broken(page)) == ["page.md#there", "none.md"]


def test_every_page_is_reached_from_the_readme():
    reached, todo = set(), [TOP / "README.md"]
    while todo:
        page = todo.pop().resolve()
        if page in reached:
            continue
        reached.add(page)
        files = (page.parent / link.partition("#")[0] for link in links(page))
        todo += [file for file in files if file.suffix == ".md" and file.is_file()]
    lost = [page for page in pages() if page.is_relative_to(TOP / "docs") and page not in reached]
    assert lost == []


def test_make_targets_of_the_pages_exist():
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE))
    named = {
        target
        for page in pages()
        for target in re.findall(
            r"(?:^ *|`)make ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert named - targets == set()


def test_tests_named_by_the_pages_exist():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=TOP, check=True, capture_output=True, text=True
    )
    files = set(listed.stdout.splitlines())
    classes = {Path(file).stem for file in files if file.endswith("Test.java")}
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages())
    assert set(re.findall(r"`(?:[\w.]+\.)?(\w+Test)`", text)) - classes == set()
    assert set(re.findall(r"`((?:airflow|charts)/[\w/]+\.py)", text)) - files == set()


def test_commands_of_the_pages_name_steps_and_flags_that_exist():
    text = (TOP / "airflow/dags/retune/catalogue.json").read_text(encoding="utf-8")
    flags = {
        name: {flag.replace("_", "-") for flag in step["inputs"]} | COMMON_FLAGS
        for name, step in json.loads(text)["steps"].items()
    }
    flags |= {
        "store": {"data", "port", "host", "fsync", "check", "accept-loss"},
        "java_home": set(),
        "test_steps": set(),
        "count_labels": {"help", "model", "logical-date", "column"},  # of how-to/add-a-step.md
    }
    unknown = []
    for page in pages():
        commands = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for name, rest in re.findall(COMMAND, commands):
            known = flags.get(name.replace("-", "_"))
            used = set(re.findall(r"(?<=\s)--([a-z][a-z-]+)", rest))
            if known is None or used - known:
                unknown.append(f"{page.name}: {name} {used - (known or set())}")
    assert unknown == []


@pytest.fixture(scope="module")
def check():
    """The program that runs the pages' commands."""
    spec = importlib.util.spec_from_file_location("check", TOP / "docs/check.py")
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


def test_a_block_whose_program_hangs_in_the_background_is_stopped_and_named(
    check, capsys, tmp_path
):
    block = f"echo begun\nsleep 600 &\necho $! > {tmp_path}/pid"
    assert check.run(TOP / "README.md", block, os.environ, limit=5)
    said = capsys.readouterr().out
    assert said.startswith("FAILED")
    assert "README.md: echo begun\nThe block or a program that it started still ran after 5" in said
    assert said.endswith("begun\n\n")
    status = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/status")
    end = time.monotonic() + 60
    while status.exists() and "State:\tZ" not in status.read_text():
        assert time.monotonic() < end, "the program still runs"
        time.sleep(0.02)


def test_a_block_that_fails_is_told_with_its_exit_code_and_output(check, capsys):
    assert check.run(TOP / "README.md", "echo here\nexit 3", os.environ)
    assert capsys.readouterr().out.endswith("README.md: echo here\nexit 3\nhere\n\n")
    # A program in the background does not hide what failed, nor delay it until the limit.
    assert check.run(TOP / "README.md", "sleep 600 &\ntrue && exit 3", os.environ, limit=60)
    assert capsys.readouterr().out.endswith("README.md: sleep 600 &\nexit 3\n\n")
    assert not check.run(TOP / "README.md", "true", os.environ)
    assert capsys.readouterr().out.startswith("ok")
