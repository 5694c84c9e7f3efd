"""Commands: what a person can ask of the house itself, answered without a model."""
