"""What authors and CI run on the notebooks: refresh, editions, hygiene."""
