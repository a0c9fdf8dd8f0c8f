"""One file a resource: a page and its JSON twin side by side. No file here knows torch."""
