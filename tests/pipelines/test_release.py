"""Which version, commit and contracts an installation says it is, wherever it was made."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipelines.contracts.schemas import RecordName, current
from pipelines.release import Contract, Release, release
from pipelines.source_commit import STAMP, UNKNOWN, checked_out, commit_of

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40
CONTRACTS = {RecordName.REPLY: Contract(version=2, fingerprint="8e4fd64c93f95cab")}


def written(folder: Path, **files: str) -> Path:
    """A folder with these files; two underscores stand for a slash."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return folder


def git_folder(folder: Path, **files: str) -> Path:
    written(folder / ".git", **files)
    return folder


TREES = [
    ("a branch", {"HEAD": "ref: refs/heads/main", "refs__heads__main": COMMIT}, COMMIT),
    ("no branch", {"HEAD": COMMIT}, COMMIT),
    (
        "a branch that git packed",
        {
            "HEAD": "ref: refs/heads/main",
            "packed-refs": f"# pack-refs with: peeled\n{OTHER} refs/heads/x\n"
            f"{COMMIT} refs/heads/main",
        },
        COMMIT,
    ),
    ("a branch without commits", {"HEAD": "ref: refs/heads/main"}, UNKNOWN),
    ("something else", {"HEAD": "hello"}, UNKNOWN),
    (
        "a reference that is no commit",
        {"HEAD": "ref: refs/heads/a", "refs__heads__a": "x"},
        UNKNOWN,
    ),
    ("nothing", {}, UNKNOWN),
]


@pytest.mark.parametrize(
    ("files", "commit"), [pytest.param(files, commit, id=name) for name, files, commit in TREES]
)
def test_commit_of_a_tree_is_the_one_that_is_checked_out(
    files: dict[str, str], commit: str, tmp_path: Path
) -> None:
    assert checked_out(git_folder(tmp_path, **files)) == commit


def test_commit_of_a_second_working_tree_is_its_own(tmp_path: Path) -> None:
    repository = git_folder(tmp_path / "main", HEAD="ref: refs/heads/main", refs__heads__two=COMMIT)
    place = written(
        repository / ".git" / "worktrees" / "two", HEAD="ref: refs/heads/two", commondir="../.."
    )
    tree = written(tmp_path / "two", **{".git": f"gitdir: {place}"})
    assert checked_out(tree) == COMMIT


def test_commit_that_is_stamped_goes_before_the_tree_around_it(tmp_path: Path) -> None:
    package = written(tmp_path / "pipelines", **{STAMP: COMMIT})
    git_folder(tmp_path, HEAD=OTHER)
    assert commit_of(package) == COMMIT
    (package / STAMP).write_text("not a commit")
    assert commit_of(package) == UNKNOWN
    (package / STAMP).unlink()
    assert commit_of(package) == OTHER


def test_release_names_every_contract_and_changes_its_word_with_one() -> None:
    here = release()
    assert list(here.contracts) == list(RecordName)
    assert here.contracts[RecordName.PAYMENT].version == current(RecordName.PAYMENT).version
    one = Release(version="1", commit=COMMIT, contracts=CONTRACTS)
    other = Contract(version=2, fingerprint="00" * 8)
    assert (
        one.schemas
        != Release(version="1", commit=COMMIT, contracts={RecordName.REPLY: other}).schemas
    )
    assert one.lines() == [
        "giftcert 1",
        f"commit {COMMIT}",
        f"schemas {one.schemas}",
        "  Reply                version 2  8e4fd64c93f95cab",
    ]
    assert (one.short_commit, Release(version="1", commit=UNKNOWN, contracts={}).short_commit) == (
        COMMIT[:12], UNKNOWN,
    )  # fmt: skip


def built(directory: Path, commit: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", directory],
        cwd=ROOT,
        env={**os.environ, "SOURCE_COMMIT": commit},
        capture_output=True,
        text=True,
        check=False,
    )


def test_program_of_an_installed_wheel_knows_the_commit_it_was_built_of(tmp_path: Path) -> None:
    done = built(tmp_path / "dist", COMMIT)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    said = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "--version"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.splitlines()[:3] == [
        f"giftcert {release().version}",
        f"commit {COMMIT}",
        f"schemas {release().schemas}",
    ]


def test_wheel_of_something_that_is_no_commit_is_not_built(tmp_path: Path) -> None:
    done = built(tmp_path, "v1.2.3")
    assert done.returncode != 0
    assert "SOURCE_COMMIT is no commit" in done.stderr
    assert list(tmp_path.glob("*.whl")) == []
