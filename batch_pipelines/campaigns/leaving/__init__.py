"""How people leave: the page behind the link, and what it does."""
