"""For programs and the page: HTTP and WebSocket over control, and nothing but control."""
