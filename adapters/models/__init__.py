"""Models: each turns a prompt of the house into its vendor's request, and the answer back."""

from adapters.models.by_parts import load_by_parts

# Here, so that it is done before either is imported, whoever does that first.
for _vendor in ("anthropic", "openai"):
    load_by_parts(_vendor)
