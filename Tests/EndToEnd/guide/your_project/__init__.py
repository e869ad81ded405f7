"""Where the guide's complete example imports its client from."""
