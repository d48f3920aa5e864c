"""The pages as an app on the phone: manifest, service worker, and what it shows without a connection."""
