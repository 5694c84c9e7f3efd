"""The skill of looking again into files that somebody sent."""
