"""What a row has to be: the columns and rules that every peer applies, written down once.

Sixteen columns, close to TPC-H's lineitem. `seq` is the record's number from 1: it is never damaged, and by it the
benchmark knows which records a peer let through, turned away or lost.
"""

COLUMNS = (
    "seq",
    "order_id",
    "line_no",
    "part_id",
    "supplier",
    "quantity",
    "price",
    "discount",
    "tax",
    "flag",
    "status",
    "ship_date",
    "commit_date",
    "receipt_date",
    "mode",
    "comment",
)
KEY = ("order_id", "line_no")
INTS = ("seq", "order_id", "line_no", "part_id", "quantity")
FLOATS = ("price", "discount", "tax")
DATES = ("ship_date", "commit_date", "receipt_date")
TEXTS = ("supplier", "flag", "status", "mode", "comment")
REQUIRED = tuple(name for name in COLUMNS if name != "comment")
BOUNDS: dict[str, tuple[float, float]] = {
    "quantity": (1, 50),
    "price": (0, 200_000),
    "discount": (0, 0.1),
    "tax": (0, 0.08),
    "line_no": (1, 7),
}
ENUMS = {
    "flag": ("A", "N", "R"),
    "status": ("F", "O"),
    "mode": ("AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"),
}
SUPPLIERS = 15_000

DEFECTS = (
    "too_few_columns",
    "too_many_columns",
    "bad_type",
    "bad_date",
    "bad_enum",
    "out_of_range",
    "missing",
    "bad_utf8",
    "duplicate",
    "unknown_reference",
)


def supplier(number: int) -> str:
    """The code of a supplier."""
    return f"S{number:06d}"


def yaml_of_lineitems(source: str = "lineitems.csv") -> str:
    """The declaration of the dataset, as one of ours."""
    lines = ["type: batch_pipelines.components.Dataset", "attributes:", f"  source: {source}"]
    lines += [f"  key: [{', '.join(KEY)}]", "  columns:"]
    return "\n".join([*lines, *(f"    {name}: {{{_rules_of(name)}}}" for name in COLUMNS), ""])


YAML_OF_SUPPLIERS = """\
type: batch_pipelines.components.Dataset
attributes:
  source: suppliers.csv
  key: code
  columns:
    code: {type: string, required: true}
"""


def _rules_of(name: str) -> str:
    kind = "int" if name in INTS else "float" if name in FLOATS else "date" if name in DATES else "string"
    rules = [f"type: {kind}"]
    rules += ["required: true"] if name in REQUIRED else []
    if bounds := BOUNDS.get(name):
        rules += [f"min: {bounds[0]}", f"max: {bounds[1]}"]
    if values := ENUMS.get(name):
        rules.append(f"enum: [{', '.join(repr(value) for value in values)}]")
    return ", ".join(rules + (["in: suppliers.code"] if name == "supplier" else []))
