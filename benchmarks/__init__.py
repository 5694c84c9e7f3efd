"""What the house costs in time, memory and money, measured on whole processes against loopback servers."""
