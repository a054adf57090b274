"""DuckDB: one process, two threads; its own list of rejected lines, rules as SQL, Parquet.

Two kinds of dead letters: lines that could not be parsed (raw text and byte position are known) and rows that broke
a rule (neither is).
"""

from pathlib import Path

import duckdb

from benchmarks.measure import Json
from benchmarks.processing.rules import BOUNDS, COLUMNS, DATES, ENUMS, FLOATS, INTS, KEY, REQUIRED

THREADS = 2


def run(job: Json) -> Json:
    """Process the file."""
    source, folder = Path(job["input"]), Path(job["folder"])
    with duckdb.connect(config={"threads": THREADS}) as connection:
        run_sql = connection.execute
        run_sql(
            f"CREATE TEMP TABLE suppliers AS FROM read_csv('{source}/suppliers.csv', all_varchar = true, header = true)"
        )
        run_sql(f"CREATE TEMP TABLE rows AS SELECT *, {_REASONS} AS reasons FROM {_read(source / 'lineitems.csv')}")
        key = ", ".join(KEY)
        run_sql(f"""
            CREATE TEMP TABLE twice AS
            SELECT seq FROM (SELECT seq, {key} FROM rows WHERE reasons IS NULL)
            SEMI JOIN (SELECT {key} FROM rows WHERE reasons IS NULL GROUP BY ALL HAVING count(*) > 1) USING ({key})
            QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY seq) > 1
        """)
        options = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
        good = "SELECT * EXCLUDE (reasons) FROM rows ANTI JOIN twice USING (seq) WHERE reasons IS NULL"
        run_sql(f"COPY ({good}) TO '{folder}/good-0000.parquet' ({options})")
        run_sql(f"COPY ({_DEAD}) TO '{folder}/dead-0000.parquet' ({options})")
    return {}


def _read(file: Path) -> str:
    kinds = {**dict.fromkeys(INTS, "BIGINT"), **dict.fromkeys(FLOATS, "DOUBLE"), **dict.fromkeys(DATES, "DATE")}
    columns = ", ".join(f"{name}: '{kinds.get(name, 'VARCHAR')}'" for name in COLUMNS)
    return (
        f"read_csv('{file}', header = true, delim = ',', quote = '\"', escape = '\"', columns = {{{columns}}}, "
        "store_rejects = true, rejects_limit = 0, dateformat = '%Y-%m-%d')"
    )


def _rules() -> dict[str, str]:
    rules = {f"required: {name}": f"{name} IS NULL" for name in REQUIRED}
    rules |= {f"bounds: {name}": f"NOT {name} BETWEEN {low} AND {high}" for name, (low, high) in BOUNDS.items()}
    rules |= {f"enum: {name}": f"{name} NOT IN {values!r}" for name, values in ENUMS.items()}
    return rules | {"reference: supplier": "supplier NOT IN (SELECT code FROM suppliers)"}


_REASONS = f"""
    CASE WHEN {" OR ".join(f"coalesce({broken}, false)" for broken in _rules().values())}
    THEN list_filter([{", ".join(f"CASE WHEN {broken} THEN '{rule}' END" for rule, broken in _rules().items())}],
        lambda reason: reason IS NOT NULL)
    END
"""
_DEAD = """
    SELECT seq, NULL AS raw, NULL AS byte_position, reasons FROM rows WHERE reasons IS NOT NULL
    UNION ALL SELECT seq, NULL, NULL, ['duplicate'] FROM twice
    UNION ALL SELECT try_cast(split_part(any_value(csv_line), ',', 1) AS BIGINT), any_value(csv_line), line_byte_position,
        list(error_message) FROM reject_errors GROUP BY line_byte_position
"""
