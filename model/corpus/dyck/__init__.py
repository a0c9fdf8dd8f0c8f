"""The bracket language: its words, and the corpus of them."""
