"""What people are told of, once, and that it is over."""
