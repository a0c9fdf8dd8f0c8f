"""Circuits in the forms of other tools, in and out: plain values here, files and wire in `app/`."""
