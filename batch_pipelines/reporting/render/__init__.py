"""One renderer a format, behind one protocol (renderer.py): a document and its rows → one file."""
