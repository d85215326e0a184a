"""Front matter: the block of fields at the start of a content file, in the form that the file has.

One module for each form. An edit changes the bytes of one value and nothing else; where a form does not allow that, it
is refused with a `StepError` of code `front_matter`.
"""

from flowbuilder.adapters.cms.front_matter.document import Document, parse_document

__all__ = ["Document", "parse_document"]
