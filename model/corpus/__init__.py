"""The pretraining text: programs that we write, and real code that others wrote and may be read by anyone."""
