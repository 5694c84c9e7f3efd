"""Foreign tongues: one module for each outside protocol, which translates and does nothing else."""
