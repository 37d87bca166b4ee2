"""What runs inside each container image; on one machine an image is a virtual environment from the same lock."""
