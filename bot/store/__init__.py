"""What must be remembered: the house's database, and one for each butler."""
