#!/usr/bin/env python3
"""One command for everything; needs Python 3.11 or newer, nothing else.

    python3 run.py demo     process a year of flights, with a progress bar
    python3 run.py ui       the Dagster UI, with sensors and schedules, on http://127.0.0.1:3000
    python3 run.py test     all tests; further arguments go to pytest
    python3 run.py check    ruff, ruff format, mypy, import-linter, deptry
    python3 run.py soak     the long trials: kills, millions of rows
    python3 run.py lock     make requirements.lock again; --upgrade takes newer versions
    python3 run.py ...      anything else is handed to `bp`, e.g. query "select 1"

The first call makes .venv from requirements.lock; later ones see that nothing changed and start at once.
"""

# Only the standard library, and only what an old Python can read: it must get as far as the message.
import hashlib
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:
    sys.exit("batch_pipelines runs on Linux and macOS; on Windows, inside WSL.")

ROOT = Path(__file__).resolve().parent
BIN = ROOT / ".venv" / "bin"
PYTHON = str(BIN / "python")
LOCK = ROOT / "requirements.lock"
STAMP = ROOT / ".venv" / "stamp"
CHECKS = (
    ("ruff", ["ruff", "check", "--output-format", "concise", "."]),
    ("format", ["ruff", "format", "--check", "--output-format", "concise", "."]),
    ("mypy", ["mypy"]),
    ("imports", ["lint-imports", "--no-logo"]),
    ("deptry", ["deptry", "--no-ansi", "."]),
)
COMPILE = (
    "pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header "
    "--no-annotate --no-emit-index-url --no-emit-find-links --all-extras --group dev --group test "
    "pyproject.toml -o requirements.lock"
)


def main():
    """Does `check` and `lock` itself; every other verb's tool takes this process's place."""
    verb, rest = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("help", [])
    if verb in ("help", "-h", "--help"):
        print(__doc__.strip())
        return
    os.chdir(ROOT)
    find_python()
    install()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each of many processes compiles this project anew
    os.environ.update(VIRTUAL_ENV=str(BIN.parent), PATH=f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    if verb == "check":
        sys.exit(check())
    if verb == "lock":
        sys.exit(lock(rest))
    if verb == "ui":
        os.environ.setdefault("DAGSTER_HOME", str(ROOT))
    argv = command(verb, rest)
    os.execv(argv[0], argv)  # noqa: S606 - so that signals and exit status are the tool's own


def command(verb, rest):
    """The command line that does `verb`."""
    if verb == "test":  # a file's tests stay on one worker: its servers and data are made once
        workers = max(3, min(os.cpu_count() or 1, 8))  # some tests wait for Dagster's daemon, while others compute
        return [PYTHON, "-m", "pytest", "-q", "-n", str(workers), "--dist", "loadfile", *rest]
    if verb == "soak":
        return [PYTHON, "-m", "batch_pipelines_tests.soak", *rest]
    if verb == "ui":
        return [str(BIN / "dagster"), "dev", *rest]
    return [str(BIN / "bp"), verb, *rest]


def check():
    """Runs all checks side by side; a line for each, and the output of those that failed."""

    def run(argv):
        started = time.monotonic()
        done = subprocess.run([str(BIN / argv[0]), *argv[1:]], **captured())
        return done.returncode, time.monotonic() - started, done.stdout.strip()

    failed = 0
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        for (name, _), (code, seconds, said) in zip(CHECKS, pool.map(run, [argv for _, argv in CHECKS])):
            last = said.splitlines()[-1] if said else ""
            print(f"{name:8} {'FAILED' if code else 'ok':6} {seconds:5.1f} s  {last}", flush=True)
            if code:
                failed = 1
                print(said, end="\n\n", flush=True)
    return failed


def lock(rest):
    """Makes requirements.lock for all Pythons and platforms, hashed, and naming no host."""
    code = subprocess.call([str(BIN / "uv"), *COMPILE.split(), *rest])
    if code == 0 and "://" in LOCK.read_text():
        sys.exit("requirements.lock names a host (://); a dependency is given by address in pyproject.toml.")
    return code


def find_python():
    """Starts over with another Python from PATH, if this one is too old or too new."""
    if (3, 11) <= sys.version_info < (3, 15):
        return
    for name in ("python3.13", "python3.12", "python3.11", "python3.14"):
        found = shutil.which(name)
        if found and subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            os.execv(found, [found, str(ROOT / "run.py"), *sys.argv[1:]])  # noqa: S606 - the same program
    have = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"batch_pipelines needs Python 3.11 to 3.14. This is {have}, and no other is on PATH.")


def install():
    """Brings .venv to what requirements.lock says; callers at the same time take turns."""
    version = sys.version.split()[0]
    wanted = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes() + f"{version} {ROOT}".encode())
    if stamped(wanted.hexdigest()):
        return
    with turn():
        if not stamped(wanted.hexdigest()):
            STAMP.unlink(missing_ok=True)
            make_venv(version)
            fill_venv()
            STAMP.write_text(wanted.hexdigest())


@contextmanager
def turn():
    """Only one process at a time gets past here; its death ends its turn."""
    folder = os.open(ROOT, os.O_RDONLY)  # the folder itself is the lock: no file to leave behind
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another run.py that installs", flush=True)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def stamped(wanted):
    """Whether .venv was filled, to the end, from just these inputs."""
    return STAMP.exists() and STAMP.read_text() == wanted


def make_venv(version):
    """A new .venv, unless there is one of this Python, whole, and made in this place."""
    pip = BIN / "pip"
    if pip.exists() and PYTHON in pip.read_text():
        asked = [PYTHON, "-c", "import pip, sys; print(sys.version.split()[0])"]
        if subprocess.run(asked, **captured()).stdout.strip() == version:
            return
    python = os.path.realpath(sys.executable)  # not a link in the very .venv that is to be replaced
    if not step(f"make .venv with Python {version}", [python, "-m", "venv", "--clear", str(BIN.parent)]):
        shutil.rmtree(BIN.parent, ignore_errors=True)
        package = f"python3.{sys.version_info[1]}-venv"
        sys.exit(f"Python could not make a virtual environment. On Debian or Ubuntu: sudo apt install {package}")


def fill_venv():
    """Installs the lock and this project with uv; whatever uv cannot do, pip does."""
    entries = LOCK.read_text().replace("\\\n", " ").splitlines(keepends=True)
    uv_alone = "".join(entry for entry in entries if entry.startswith("uv=="))
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install"]
    uv = [str(BIN / "uv"), "pip", "install", "--compile-bytecode", "--python", PYTHON]
    has_uv = step("install uv", [*pip, "--require-hashes", "-r", "/dev/stdin"], input=uv_alone)
    for what, arguments in (
        ("requirements.lock", ["--require-hashes", "-r", str(LOCK)]),
        ("batch_pipelines", ["--no-deps", "--no-build-isolation", "-e", str(ROOT)]),
    ):
        if has_uv and step(f"install {what}", [*uv, *arguments]):
            continue
        if not step(f"install {what} with pip", [*pip, *arguments]):
            sys.exit("The installation failed, for the reason above. Once that is cured, call again: it goes on.")


def step(what, argv, **more):
    """Whether one part of the installation succeeded; prints a line with its seconds, and why it failed."""
    started = time.monotonic()
    print(what, end=" ... ", flush=True)
    done = subprocess.run(argv, **captured(), **more)
    print(f"{'failed after ' if done.returncode else ''}{time.monotonic() - started:.1f} s", flush=True)
    if done.returncode:
        print("\n".join(done.stdout.strip().splitlines()[-8:]), flush=True)
    return done.returncode == 0


def captured():
    """How tools are run whose output is shown only if they fail."""
    return {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "universal_newlines": True,
        "check": False,
    }


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
