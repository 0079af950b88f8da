"""Small data sets, generated or embedded: nothing is downloaded."""
