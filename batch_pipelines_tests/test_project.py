"""What must hold of the repository as a whole: lock, settings, documents. Not: what the code does."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MACHINE_PATH = re.compile(r"(?<![\w.$}~/-])/(?:work|root|home|Users)/[\w.-]+")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def tracked(*patterns: str) -> list[Path]:
    """Files that are in git, or would be added by `git add .`."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    said = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted({ROOT / name for name in said.split("\0") if name and (ROOT / name).is_file()})


def wanted() -> list[Requirement]:
    groups = PYPROJECT["dependency-groups"]
    texts = [*PYPROJECT["project"]["dependencies"], *(text for group in groups.values() for text in group)]
    texts += [one for extra in PYPROJECT["project"].get("optional-dependencies", {}).values() for one in extra]
    return [Requirement(text) for text in texts]


def locked() -> list[Requirement]:
    entries = LOCK.read_text().replace("\\\n", " ").splitlines()
    return [Requirement(entry.split(" --hash")[0]) for entry in entries if not entry.startswith("#")]


def test_the_lock_names_no_host() -> None:
    assert "://" not in LOCK.read_text()


def test_every_package_of_the_lock_is_pinned_and_hashed() -> None:
    entries = LOCK.read_text().replace("\\\n", " ").splitlines()

    assert len(entries) > 100
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_the_lock_covers_what_pyproject_asks_for() -> None:
    versions: dict[str, list[str]] = {}
    for entry in locked():
        versions.setdefault(canonicalize_name(entry.name), []).extend(one.version for one in entry.specifier)

    uncovered = [
        str(requirement)
        for requirement in wanted()
        if not any(requirement.specifier.contains(one) for one in versions.get(canonicalize_name(requirement.name), []))
    ]

    assert uncovered == [], "pyproject.toml changed: python3 run.py lock"


def test_pyproject_does_not_switch_the_workspace_off() -> None:
    # Any of these tables makes Dagster ignore workspace.yaml without a word.
    assert {"dagster", "dg"} & PYPROJECT["tool"].keys() == set()


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match}"
        for path in tracked()
        for match in machine_paths(path.read_bytes().decode("utf-8", "ignore"))
        if path.suffix not in {".gz", ".png"}
    ]

    assert found == []


def machine_paths(text: str) -> list[str]:
    own = [str(folder) for folder in (ROOT, Path.home()) if len(folder.parts) > 2 and f"{folder}/" in text]
    return own + MACHINE_PATH.findall(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see /" + "work/main/x.py", True),
        ("see '/" + "root/.cache'", True),
        ("data/" + "work/file", False),
        ("$HOME/" + "work/file", False),
        ("/srv/batch_pipelines", False),
    ],
)
def test_machine_paths_are_told_from_others(text: str, *, found: bool) -> None:
    assert bool(machine_paths(text)) is found


@pytest.mark.parametrize("path", tracked("*.md"), ids=lambda path: str(path.relative_to(ROOT)))
def test_local_links_of_a_document_lead_somewhere(path: Path) -> None:
    broken = [link for link in LINK.findall(path.read_text()) if "://" not in link and not leads(path, link)]

    assert broken == []


def leads(document: Path, link: str) -> bool:
    """Whether a link's file is there and, if it names a heading, has that heading."""
    name, _, anchor = link.partition("#")
    target = (document.parent / name).resolve() if name else document
    if not target.exists():
        return False
    return not anchor or anchor in {slug(heading) for heading in HEADING.findall(target.read_text())}


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize(
    ("link", "good"),
    [("README.md", True), ("#a-b", True), ("a.md#a-b", True), ("#c", False), ("gone.md", False)],
)
def test_a_link_needs_its_file_and_its_heading(tmp_path: Path, link: str, *, good: bool) -> None:
    (tmp_path / "README.md").write_text("")
    (tmp_path / "a.md").write_text("## A: b\n")

    assert leads(tmp_path / "a.md", link) is good


def test_every_setting_that_the_code_reads_is_in_env_example() -> None:
    text = "\n".join(path.read_text() for path in tracked("batch_pipelines/*.py", "deploy/*.yaml", "deploy/*.yml"))
    read = set(re.findall(r"\bBP_[A-Z_]+\b", text))

    told = set(re.findall(r"^#(BP_[A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert {"BP_HOME", "BP_DATA", "BP_LEDGER_URL"} <= read
    prefixes = tuple(name for name in read if name.endswith("_"))  # BP_CONNECTION_…, one for each connection
    assert {name for name in read - told if name not in prefixes} == set()
    assert [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in told)] == []


def test_both_dagster_yamls_differ_in_storage_only() -> None:
    one_machine = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    postgres = yaml.safe_load((ROOT / "deploy/postgres/dagster.yaml").read_text())

    assert postgres.pop("storage")["postgres"]["postgres_db"]["scheme"] == "postgresql+psycopg2"
    assert one_machine.pop("storage") == {"sqlite": {"base_dir": "data/dagster"}}
    assert postgres == one_machine
