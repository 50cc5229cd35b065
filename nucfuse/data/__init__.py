"""Reading and writing what users have."""
