"""What collects on this node."""
