"""Rich text: a model's Markdown, parsed once for every chat."""
