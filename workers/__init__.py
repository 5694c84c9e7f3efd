"""The processes that the Procfile starts, and the one place where all is put together."""
