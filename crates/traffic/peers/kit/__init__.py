"""What several sessions share."""
