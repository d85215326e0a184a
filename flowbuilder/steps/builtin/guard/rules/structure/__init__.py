"""Rules about the parts of a text: headings, paragraphs, lists, tables, code."""
