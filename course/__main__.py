"""The two commands of a teacher, behind ``make course`` and ``make grade``."""

import argparse
import os
import secrets
import sys
from pathlib import Path

from course import build, collect, decks, package, pages, references, report
from course import cells as percent
from course.grader import assignment as assignments
from course.grader.fence import Fence, Ungraded
from course.grader.judge import Result, grade
from course.quiz import bank

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "course"
MATHJAX = ROOT / "book" / "vendor" / "mathjax" / "tex-chtml.js"


def key_from(path, *, make):
    """Reads the teacher's key.

    Args:
        path: its file, 64 hexadecimal digits.
        make: whether one is made if there is none.

    Returns:
        bytes.
    """
    path = Path(path).expanduser()
    if make and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
        print(f"A new key is in {path}. Keep it: without it nothing of this term can be graded.")
    if not path.is_file():
        raise SystemExit(f"There is no key {path}. Give the one of `make course`: KEY=~/gans.key")
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
        if len(key) == 32:
            return key
    except ValueError:
        pass
    raise SystemExit(f"{path} is no key: it should hold 64 hexadecimal digits.")


def title_of(assignment):
    """Returns the first heading of an assignment."""
    text = (assignment.folder / "assignment.py").read_text(encoding="utf-8")
    return percent.parse(text)[0].text.splitlines()[0].removeprefix("# ")


def make_course(term, key, folder):
    """Builds all that a term needs.

    Args:
        term: such as "2027S"; a folder gets this name.
        key: the teacher's, bytes.
        folder: where that folder is made.

    Returns:
        The folder of the term.
    """
    base, parts = references.address(), []
    out = folder / term
    for name in assignments.folders():
        assignment = assignments.load(name, key)
        for kind, path in (
            ("student", f"student/{name}.ipynb"),
            ("solved", f"solved/{name}.ipynb"),
            ("nbgrader", f"nbgrader/source/{name}/{name}.ipynb"),
        ):
            build.write(build.notebook(assignment, kind, base), out / path)
        package.gradescope(assignment, out / "gradescope" / f"{name}.zip")
        guide = (assignment.folder / "guide.md").read_text(encoding="utf-8")
        parts.append(
            {
                "name": name,
                "twist": assignment.twist,
                "cells": build.notebook(assignment, "solved", base).cells[:-1],
                "checks": assignment.checks,
                "guide": references.resolve(guide, base),
            }
        )
    page = report.templates().get_template("solutions.html")
    mathjax = os.path.relpath(MATHJAX, out)
    text = page.render(term=term, parts=parts, mathjax=mathjax)
    (out / "solutions.html").write_text(text, encoding="utf-8")
    pages.write(out / "pages", base, os.path.relpath(MATHJAX, out / "pages"))
    decks.write(out / "decks", base)
    bank.write(out / "quiz", key, os.path.relpath(MATHJAX, out / "quiz"))
    return out


def grade_class(assignment, folder):
    """Grades the notebooks of a class, in one process for all.

    Args:
        assignment: `grader.assignment.Assignment`.
        folder: in which they lie, as a platform leaves them.

    Yields:
        A `judge.Result` for each student.
    """
    fence = None
    try:
        for student, paths in collect.submissions(folder).items():
            if len(paths) != 1:
                result = Result(student, assignment)
                names = ", ".join(path.name for path in paths) or "none"
                result.notes.append(f"expected one notebook (.ipynb), found {len(paths)}: {names}")
                result.trouble += result.notes if paths else []
            else:
                try:
                    if fence and fence.nursery.poll() is not None:
                        fence.close()
                        fence = None
                    fence = fence or Fence(assignment.modules, assignment.probes)
                    result = grade(assignment, fence, student, paths[0].read_bytes())
                except (Ungraded, OSError) as error:
                    result = Result(student, assignment, trouble=[str(error)])
            yield result
    finally:
        if fence:
            fence.close()


def course(arguments):
    """``make course``."""
    key = key_from(arguments.key, make=True)
    out = make_course(arguments.term, key, OUT)
    if references.address() is None:
        print(
            "Warning: this copy has no address yet, so the notebooks name the book's pages without "
            "links to them. `make repository URL=https://github.com/…` sets it.",
            file=sys.stderr,
        )
    print(f"The course is in {out}")


def grades(arguments):
    """``make grade``."""
    folder = Path(arguments.folder).expanduser()
    if not folder.is_dir():
        raise SystemExit(f"There is no folder {folder}. Unpack what the platform gave: FOLDER=…")
    try:
        assignment = assignments.load(arguments.assignment, key_from(arguments.key, make=False))
    except ValueError as error:
        raise SystemExit(str(error)) from None
    results = []
    for result in grade_class(assignment, folder):
        score = "ungraded" if result.score is None else f"{result.score} of {result.max_score}"
        print(f"{result.student}: {score}", flush=True)
        results.append(result)
    if not results:
        raise SystemExit(f"There is no notebook (.ipynb) in {folder}. Unpack zips first.")
    out = OUT / "grades" / assignment.name
    explanations = {
        student: collect.explanation(paths[0].read_bytes())
        for student, paths in collect.submissions(folder).items()
        if len(paths) == 1
    }
    report.write(results, out, title_of(assignment), explanations)
    print(f"The grades are in {out}. They hold names: they belong in no repository.")


def main(arguments=None):
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m course", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("build", help="notebooks, zips and solutions for a term")
    command.add_argument("term", help="such as 2027S")
    command.set_defaults(run=course)
    other = commands.add_parser("grade", help="grade what a class has handed in")
    other.add_argument("assignment", help="such as a1")
    other.add_argument("folder", help="with the notebooks, as the platform gave them")
    other.set_defaults(run=grades)
    for one in (command, other):
        one.add_argument("--key", required=True, help="a file; `build` makes it if it is missing")
    found = parser.parse_args(arguments)
    found.run(found)


if __name__ == "__main__":
    main()
