"""The distributions hold what they have to, and no more."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MEGABYTE = 1_000_000
# What only a clone needs
CLONE_ONLY = (".ci/", ".github/", ".gitignore", ".importlinter")


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """Build the sdist and the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    code = (
        "import hatchling.build as build, sys\n"
        "print(build.build_sdist(sys.argv[1]))\n"
        "print(build.build_wheel(sys.argv[1]))"
    )
    built = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    sdist, wheel = built.stdout.split()
    return folder / sdist, folder / wheel


def test_the_wheel_is_small_and_holds_the_package_only(distributions):
    wheel = distributions[1]
    assert wheel.stat().st_size < 15 * MEGABYTE
    with zipfile.ZipFile(wheel) as archive:
        roots = {name.split("/")[0] for name in archive.namelist()}
    assert roots == {"keras_qd", "-".join(wheel.name.split("-")[:2]) + ".dist-info"}


def test_the_sdist_holds_every_file_of_the_repository(distributions):
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("this is not a clone: git does not list the files")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    wanted = {name for name in listed.stdout.splitlines() if not name.startswith(CLONE_ONLY)}
    with tarfile.open(distributions[0]) as archive:
        held = {os.path.join(*Path(name).parts[1:]) for name in archive.getnames()}
    assert sorted(wanted - held) == []
