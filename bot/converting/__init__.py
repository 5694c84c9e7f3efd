"""`python -m bot.converting`: a process that turns one file into what a model reads, and ends; see bot/conversion.py."""
