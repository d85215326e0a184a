"""Rules about what a text refers to: links, images, footnotes, shortcodes."""
