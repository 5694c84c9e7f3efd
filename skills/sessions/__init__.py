"""What was done for a person, as their butler looks it up."""
