"""What takes longer than tests may: each says what it needs and prints what it found."""
