"""What a lender delivers, and what the models see."""
