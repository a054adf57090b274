"""What a report is made with is part of its identity."""

from pathlib import Path

import pytest

from batch_pipelines.reporting import software


def test_a_changed_template_is_other_software_and_bytecode_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(software, "_PACKAGE", tmp_path)
    template = tmp_path / "reporting" / "report.typ"
    template.parent.mkdir()
    template.write_text("a")
    first = software._own()  # noqa: SLF001
    (template.parent / "__pycache__").mkdir()
    (template.parent / "__pycache__" / "x.pyc").write_text("compiled")
    assert software._own() == first  # noqa: SLF001
    template.write_text("b")
    assert software._own() != first  # noqa: SLF001


def test_every_library_and_our_own_code_are_named() -> None:
    assert set(software.software()) == {*software.LIBRARIES, "batch-pipelines"}
