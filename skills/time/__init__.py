"""Time: what the clock says elsewhere."""
