"""How values look to people: numbers and dates in a locale, templates, charts, and the look they share.

    formats     numbers, percent, currency, dates, durations as text
    templating  one sandboxed, strict Jinja environment with those as filters
    theme       colours, font and sizes; contrast
    charts      a declared chart → Vega-Lite → SVG or PNG, with alt text

What must not live here: what a report or a mail contains (reporting/, campaigns/).
"""
