"""What the product must do, told as stories through the API and the pages."""
