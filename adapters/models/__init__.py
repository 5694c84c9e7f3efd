"""Models: each turns a prompt of the house into its vendor's request, and the answer back."""

from adapters.models.by_parts import load_by_parts

for _vendor in ("anthropic", "openai"):
    load_by_parts(_vendor)
