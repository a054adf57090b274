"""`bp init dataset`."""

from batch_pipelines_tests.cli.deployment import Deployment


def test_a_dataset_is_declared_from_a_file_and_can_be_processed(fresh: Deployment) -> None:
    result = fresh.shell("bp init dataset in/orders-2024-01.csv --name january && bp process january")

    assert result.returncode == 0, result.stderr
    text = (fresh.home / "defs" / "january" / "defs.yaml").read_text()
    assert "source: in/orders-2024-01.csv" in text
    assert "customer: {type: int, required: true}" in text
    assert "amount: {type: string, required: true}" in text  # one of them is x
    assert "defs/january/defs.yaml: 3 columns, from 6 rows; look it over" in result.stderr
    assert 'then: bp process january, bp query "from january limit 10"' in result.stderr


def test_printed_it_writes_no_file(fresh: Deployment) -> None:
    result = fresh.bp("init", "dataset", str(fresh.home / "in" / "customers.csv"), "--print")

    assert result.stdout.splitlines()[0].startswith("# Drafted by bp from all 2 rows of in/customers.csv")
    assert "  # key: id  # different in every row looked at; take it if it is so by nature" in result.stdout
    assert len(list((fresh.home / "defs").iterdir())) == 2


def test_what_is_declared_is_left_alone_unless_forced(fresh: Deployment) -> None:
    before = (fresh.home / "defs" / "customers" / "defs.yaml").read_text()
    file = str(fresh.home / "in" / "customers.csv")

    refused = fresh.bp("init", "dataset", file)
    assert refused.exit_code == 1
    assert "defs.yaml is there already; --force writes over it, --name takes another" in refused.stderr
    assert (fresh.home / "defs" / "customers" / "defs.yaml").read_text() == before

    assert fresh.bp("init", "dataset", file, "--force").exit_code == 0
    assert (fresh.home / "defs" / "customers" / "defs.yaml").read_text() != before


def test_a_file_that_is_not_there_or_lies_elsewhere_is_refused(fresh: Deployment) -> None:
    missing = fresh.bp("init", "dataset", "nowhere.csv")
    assert (missing.exit_code, missing.stderr) == (3, "error: there is no file nowhere.csv\n")

    outside = fresh.home.parent / "outside.csv"
    outside.write_text("id\n1\n")
    refused = fresh.bp("init", "dataset", str(outside))
    assert refused.exit_code == 1
    assert f"outside.csv lies outside the project {fresh.home}; copy it to" in refused.stderr
