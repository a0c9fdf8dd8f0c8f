"""A small language of conditions over the tokens of a prompt: written by people, and found by search.

`quote_open == '"' and depth > 1`. Nothing is evaluated but what the grammar names; every expression has a type before
it is ever run, so running one cannot fail.
"""
