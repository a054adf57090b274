"""How values look to people: numbers and dates in a locale, charts, templates. Shared by reports and mail. No Dagster."""
