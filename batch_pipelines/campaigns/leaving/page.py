"""The look of the pages that people leave by: one card, light and dark, for any width, read well by screen readers.

What must not live here: what they say (web.py).
"""

from markupsafe import Markup

_PAGE = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ --paper: #fff; --ground: #f4f6f9; --ink: #16202b; --muted: #55616e; --rule: #d8dee5;
--accent: #0b5cad; --on: #fff }}
@media (prefers-color-scheme: dark) {{
:root {{ --paper: #1a2530; --ground: #101820; --ink: #eef2f6; --muted: #a9b5c1; --rule: #2c3a48;
--accent: #7db8f0; --on: #0b1622 }}
}}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground); color: var(--ink);
font: 17px/1.5 "Source Sans Pro", system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }}
main {{ box-sizing: border-box; width: min(30rem, calc(100vw - 2rem)); padding: 2.5rem; background: var(--paper);
border: 1px solid var(--rule); border-radius: 14px }}
h1 {{ margin: 0 0 .75rem; font-size: 1.6rem; line-height: 1.2; letter-spacing: -.01em }}
p {{ margin: 0; color: var(--muted); overflow-wrap: anywhere }}
button {{ margin-top: 1.75rem; padding: .7rem 1.4rem; border: 0; border-radius: 8px; background: var(--accent);
color: var(--on); font: inherit; font-weight: 600; cursor: pointer }}
button:focus-visible {{ outline: 3px solid var(--ink); outline-offset: 2px }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{text}</p>
{form}</main>
</body>
</html>
""")
_FORM = Markup('<form method="post"><button type="submit">{button}</button></form>\n')


def page(title: str, text: str, button: str | None = None) -> str:
    """Return a page; with a button that posts to the page's own address, if it is to have one."""
    form = _FORM.format(button=button) if button else ""
    return str(_PAGE.format(title=title, text=text, form=form))
