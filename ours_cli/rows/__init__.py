"""What the commands over rows share: settled, run, forecast, reported."""
