"""The card: the controls beside which a circuit's figures stand, and what they allow one to believe."""
