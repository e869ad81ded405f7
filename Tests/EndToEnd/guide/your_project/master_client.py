"""The same client."""

from your_master_client import MasterClient

__all__ = ["MasterClient"]
