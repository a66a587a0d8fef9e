"""Laws fitted to tables of real training runs."""
