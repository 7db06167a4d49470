"""The APIs that clients can speak. All of them run the same call."""
