"""The web: pages, API and commands over the runtime. ``web.application.create_app`` makes the application."""
