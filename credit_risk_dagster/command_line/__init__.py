"""The command `credit-risk`: what a person types, and how it is printed."""
