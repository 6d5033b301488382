"""Networks leave the house: exported files, checked, with a model card."""
