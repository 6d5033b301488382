"""The command `predict`: networks applied to a user's images, with tables, metrics and heat maps."""
