"""Where samples and their given labels come from."""
