"""What we believe about a customer, and what we would do: learning, judging, deciding."""
