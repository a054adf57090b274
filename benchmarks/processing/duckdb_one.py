"""DuckDB: one process, two threads; its own list of rejected lines, rules as SQL, Parquet.

DuckDB knows the text of lines that it could not parse, but not of rows that broke a rule: so that all dead letters
have line and text, the file is read once more as lines, and those of dead letters are picked out.
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
        run_sql(f"CREATE TEMP TABLE dead AS {_DEAD}")
        run_sql(f"CREATE TEMP TABLE lines AS {_LINES.format(file=source / 'lineitems.csv')}")
        run_sql(f"COPY (FROM dead LEFT JOIN lines USING (seq)) TO '{folder}/dead-0000.parquet' ({options})")
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
_LINES = """
    SELECT try_cast(split_part(line, ',', 1) AS BIGINT) AS seq, line_no, line FROM (
        SELECT line, row_number() OVER () + 1 AS line_no
        FROM read_csv('{file}', header = true, delim = chr(31), quote = '', escape = '', columns = {{line: 'VARCHAR'}},
            store_rejects = true, rejects_table = 'odd_lines', rejects_scan = 'odd_scans', rejects_limit = 0)
    )
    WHERE seq IN (SELECT seq FROM dead)
"""
_DEAD = """
    SELECT seq, reasons FROM rows WHERE reasons IS NOT NULL
    UNION ALL SELECT seq, ['duplicate'] FROM twice
    UNION ALL SELECT try_cast(split_part(any_value(csv_line), ',', 1) AS BIGINT), list(error_message)
        FROM reject_errors GROUP BY line_byte_position
"""
