"""Errors for the person who meets them: what is wrong, where, and what to do."""


class PlatformError(Exception):
    """A condition that an operator can act on; its message is complete without a stack trace."""


class DeliveryError(PlatformError):
    """A raw extract is missing, unreadable, empty or lacks columns."""


class PartitionError(PlatformError):
    """A partition is missing, or what was computed for it breaks a rule of its table."""


class StoreError(PlatformError):
    """The store that holds tables or models is away, or refuses."""


class ModelError(PlatformError):
    """A model cannot be trained, or what is stored cannot be trusted."""
