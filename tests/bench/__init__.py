import model  # noqa: F401 - says how torch's threads wait, before torch is imported
