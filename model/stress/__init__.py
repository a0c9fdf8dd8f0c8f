"""Stress: prompts that grow along one axis until a circuit, or its model, breaks; where theory says that it should."""
