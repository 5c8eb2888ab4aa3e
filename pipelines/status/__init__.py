"""One screen of how the service is, for who is on call: asked, judged, shown."""
