"""The repair platform as this program reaches it: settings, requests, the thread that keeps both sides alike."""
