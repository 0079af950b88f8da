"""What every test and every notebook run shares."""

pytest_plugins = ["tools.nbval", "tools.report", "tools.shards"]
