"""The agent that runs the collectors."""
