"""The few words that documents bring along themselves, in the languages we can vouch for; English elsewhere."""

_ENGLISH = {
    "page": "Page {page} of {pages}",
    "contents": "Contents",
    "as_of": "Data as of {moment}",
    "filters": "Filters",
    "all": "all",
    "yes": "yes", "no": "no",
    "summary": "Summary",
    "chart_data": "Chart data",
    "total": "Total",
    "previous": "vs {period}",
    "no_previous": "No earlier period to compare with.",
    "no_rows": "No rows in this period.",
    "no_data": "Nothing to report for this period.",
    "first_rows": "First {shown} of {rows} rows",
    "first_columns": "{shown} of {columns} columns",
    "all_in": "all in {file}",
    "scroll": "Scroll sideways for all columns.",
    "on_sheet": "all rows on the sheet “{name}”",
    "points_cut": "First {shown} of {rows} points",
    "line": "Line chart", "area": "Area chart", "bar": "Bar chart", "hbar": "Bar chart", "stacked": "Stacked bar chart",
    "heatmap": "Heat map", "vega_lite": "Chart",
    "alt": "{kind}: {title}. {count} values of {y} by {x}, from {low} ({low_at}) to {high} ({high_at});"
    " last: {last} ({last_at}).",
    "alt_empty": "{kind}: {title}. No values.",
    "series": "Series: {names}.",
}  # fmt: skip
_GERMAN = {
    "page": "Seite {page} von {pages}",
    "contents": "Inhalt",
    "as_of": "Datenstand: {moment}",
    "filters": "Filter",
    "all": "alle",
    "yes": "ja", "no": "nein",
    "summary": "Übersicht",
    "chart_data": "Diagrammdaten",
    "total": "Summe",
    "previous": "ggü. {period}",
    "no_previous": "Kein früherer Zeitraum zum Vergleich.",
    "no_rows": "Keine Zeilen in diesem Zeitraum.",
    "no_data": "Für diesen Zeitraum gibt es nichts zu berichten.",
    "first_rows": "Die ersten {shown} von {rows} Zeilen",
    "first_columns": "{shown} von {columns} Spalten",
    "all_in": "alle in {file}",
    "scroll": "Seitwärts scrollen, um alle Spalten zu sehen.",
    "on_sheet": "alle Zeilen auf dem Blatt „{name}“",
    "points_cut": "Die ersten {shown} von {rows} Punkten",
    "line": "Liniendiagramm", "area": "Flächendiagramm", "bar": "Balkendiagramm", "hbar": "Balkendiagramm",
    "stacked": "Gestapeltes Balkendiagramm", "heatmap": "Heatmap", "vega_lite": "Diagramm",
    "alt": "{kind}: {title}. {count} Werte von {y} nach {x}, von {low} ({low_at}) bis {high} ({high_at});"
    " zuletzt: {last} ({last_at}).",
    "alt_empty": "{kind}: {title}. Keine Werte.",
    "series": "Reihen: {names}.",
}  # fmt: skip
_FRENCH = {
    "page": "Page {page} sur {pages}",
    "contents": "Sommaire",
    "as_of": "Données au {moment}",
    "filters": "Filtres",
    "all": "tous",
    "yes": "oui", "no": "non",
    "summary": "Synthèse",
    "chart_data": "Données des graphiques",
    "total": "Total",
    "previous": "par rapport à {period}",
    "no_previous": "Pas de période antérieure à comparer.",
    "no_rows": "Aucune ligne pour cette période.",
    "no_data": "Rien à signaler pour cette période.",
    "first_rows": "{shown} premières lignes sur {rows}",
    "first_columns": "{shown} colonnes sur {columns}",
    "all_in": "toutes dans {file}",
    "scroll": "Faites défiler vers le côté pour voir toutes les colonnes.",
    "on_sheet": "toutes les lignes sur la feuille « {name} »",
    "points_cut": "{shown} premiers points sur {rows}",
    "line": "Courbe", "area": "Graphique en aires", "bar": "Graphique à barres", "hbar": "Graphique à barres",
    "stacked": "Graphique à barres empilées", "heatmap": "Carte de chaleur", "vega_lite": "Graphique",
    "alt": "{kind} : {title}. {count} valeurs de {y} par {x}, de {low} ({low_at}) à {high} ({high_at});"
    " dernière : {last} ({last_at}).",
    "alt_empty": "{kind} : {title}. Aucune valeur.",
    "series": "Séries : {names}.",
}  # fmt: skip
_LANGUAGES = {"en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH}


def words(locale: str) -> dict[str, str]:
    """The words of a locale's language, by key; with `{…}` to be filled in by `str.format`."""
    return _LANGUAGES.get(locale.partition("_")[0], _ENGLISH)


def title_of(name: str) -> str:
    """A column's name as people would write it: `avg_delay` is `Avg delay`."""
    text = " ".join(name.replace("_", " ").split())
    return text[:1].upper() + text[1:] if text else name
