"""Commands, a file a group: each is a function that `app/cli.py` registers."""
