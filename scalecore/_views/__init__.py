"""Pictures and tables of results; what is shown is handed in, nothing is computed here."""
