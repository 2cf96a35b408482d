"""The pages: each module reads a request, asks what lies below, and fills a template."""
