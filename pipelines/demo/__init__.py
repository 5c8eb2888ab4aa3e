"""The demo: one real year of retail through a fresh stack, with every certificate accounted for."""
