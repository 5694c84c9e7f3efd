"""Models: each turns a prompt of the house into its vendor's request, and the answer back."""
