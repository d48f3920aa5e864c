"""What people say of alerts and of planned use, and how cautious it makes the rules."""
