"""What Dagster shows of appended partitions, of changed columns, and of compaction."""

import dagster as dg

from batch_pipelines.lake.delta import files_by_partition, table_path
from batch_pipelines_tests.components.shop import Shop, materialised

COLUMNS = {"id": {"type": "int", "required": True}, "n": "int"}
VISITS = {"source": "sources/visits.csv", "write": "append", "key": "id", "columns": COLUMNS}


def visit(shop: Shop, *ids: int) -> None:
    shop.write("sources/visits.csv", "id,n\n" + "".join(f"{number},{number}\n" for number in ids))


def test_an_appended_partition_shows_all_its_rows_and_passes_its_checks(
    shop: Shop, instance: dg.DagsterInstance
) -> None:
    shop.declare("visits", VISITS)
    visit(shop, 1, 2)
    shop.run(instance, "visits")
    visit(shop, 2, 3, 4)
    result = shop.run(instance, "visits")
    counts = [check.passed for check in result.get_asset_check_evaluations() if check.check_name == "row_count"]
    assert counts == [True]
    (shown,) = materialised(result, "visits").values()
    assert (shown["dagster/row_count"], shown["dagster/partition_row_count"], shown["items_written"]) == (4, 4, 2)
    assert shop.rows("visits") == 4


def test_changed_columns_are_in_the_metadata_and_the_log(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare("visits", VISITS)
    visit(shop, 1)
    (before,) = materialised(shop.run(instance, "visits"), "visits").values()
    assert "schema_change" not in before
    shop.declare("visits", {**VISITS, "columns": {**COLUMNS, "n": "float"}, "derive": {"half": "n / 2"}})
    visit(shop, 2)
    result = shop.run(instance, "visits")
    (shown,) = materialised(result, "visits").values()
    lines = ["half (float) is added, null in older rows", "n is widened from int to float"]
    assert shown["schema_change"] == "\n".join(f"- {line}" for line in lines)
    warned = [entry.user_message for entry in instance.all_logs(result.run_id) if entry.level == 30]
    assert [message for message in warned if "columns" in message] == [
        f"columns of visits changed: {line}" for line in lines
    ]


def test_the_nightly_job_compacts_tables(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare("visits", VISITS)
    for number in range(4):
        visit(shop, number)
        shop.process(instance, dataset="visits")
    path = table_path(shop.settings.data, "visits")
    assert len(files_by_partition(path, "all")) == 4
    assert shop.job("clean_up_files").execute_in_process(instance=instance).success
    assert len(files_by_partition(path, "all")) == 2
    assert shop.rows("visits") == 4
