"""What Dagster loads from YAML: which definitions, and with which words wrong YAML is refused."""

import dagster as dg
import pytest

from batch_pipelines.components import Dataset
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.orchestration.defs_folder import load_defs_folder
from batch_pipelines_tests.components.shop import STORES, Shop


def test_a_dataset_has_assets_checks_job_sensor_and_schedule(shop: Shop) -> None:
    shop.declare_sales(schedule="@daily")
    definitions = shop.definitions()
    keys = {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}
    assert keys == {"sales", "sales_dead_letters", "stores", "stores_dead_letters"}
    repository = definitions.get_repository_def()
    assert {"sales_job", "stores_job", "process_data", "clean_up_files"} <= set(repository.job_names)
    assert {sensor.name for sensor in repository.sensor_defs} == {"sales_inbox", "keep_pool_limits"}
    assert {each.name for each in repository.schedule_defs} == {"sales_schedule", "clean_up_files_schedule"}


def test_wrong_yaml_is_refused_with_file_line_key_and_the_nearest_allowed_key(shop: Shop) -> None:
    shop.declare_sales()
    shop.write("defs/sales/defs.yaml", "type: batch_pipelines.components.Dataset\nattributes:\n  sorce: a.csv\n")
    with pytest.raises(ConfigError, match=r"defs/sales/defs.yaml:3: unknown key 'sorce'; did you mean 'source'\?"):
        shop.definitions()


def test_the_component_alone_refuses_with_the_same_words(shop: Shop) -> None:
    shop.write("defs/sales/defs.yaml", "type: batch_pipelines.components.Dataset\nattributes:\n  sorce: a.csv\n")
    with pytest.raises(Exception, match="Error while loading component") as caught:
        load_defs_folder(shop.settings.defs, shop.home)
    assert isinstance(caught.value.__cause__, ConfigError)
    assert "defs/sales/defs.yaml:3: unknown key 'sorce'; did you mean 'source'?" in str(caught.value.__cause__)


def test_one_file_may_hold_several_datasets(shop: Shop) -> None:
    text = "type: batch_pipelines.components.Dataset\nattributes: {{name: {0}, source: sources/{0}.csv}}\n"
    shop.write("defs/two/defs.yaml", "---\n".join([text.format("one"), text.format("two")]))
    keys = {spec.key.to_user_string() for spec in shop.definitions().resolve_all_asset_specs()}
    assert {"one", "two"} <= keys


def test_attributes_without_a_file_are_checked_as_well() -> None:
    made = Dataset.from_attributes_dict(attributes={"name": "stores", "source": "a.csv"})
    assert made.entry.declaration.name == "stores"
    with pytest.raises(ConfigError, match="unknown key 'sorce'"):
        Dataset.from_attributes_dict(attributes={"name": "stores", "sorce": "a.csv"})


@pytest.mark.parametrize("name", ["sales_job", "sales_dead_letters", "process_data", "lane", "plan", "sales_checks"])
def test_a_name_that_dagster_needs_otherwise_is_refused(shop: Shop, name: str) -> None:
    shop.declare_sales()
    shop.declare(name, STORES)
    with pytest.raises(ConfigError, match=f"defs/{name}/defs.yaml:.* the name '{name}' is taken by"):
        shop.definitions()


def test_a_deployment_without_pipelines_loads(shop: Shop) -> None:
    assert "clean_up_files" in shop.definitions().get_repository_def().job_names


def test_python_and_other_components_in_the_folder_are_loaded_too(shop: Shop) -> None:
    shop.declare_sales()
    shop.write("defs/mine/assets.py", "import dagster as dg\n\n@dg.asset\ndef mine() -> None: ...\n")
    assert "mine" in {spec.key.to_user_string() for spec in shop.definitions().resolve_all_asset_specs()}


def test_more_than_one_lane_selects_an_executor_that_runs_steps_side_by_side(shop: Shop) -> None:
    shop.declare_sales(lanes=2)
    assert shop.job("sales_job").executor_def.name == "lanes_side_by_side"
    assert shop.job("stores_job").executor_def is dg.in_process_executor
