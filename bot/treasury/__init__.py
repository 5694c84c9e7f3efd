"""The treasury: no request to a model leaves the house without money reserved for it."""
